// SPDX-License-Identifier: GPL-3.0-or-later

// franz-go: admin, producer with every codec and acks, consumer by assignment.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	. "weir/interop/rows"
)

const topic = "franz-go"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(Broker()))
	Ok("client", err)
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, topic)
	Ok("create", err)
	_, err = admin.CreateTopic(ctx, 1, 1, nil, topic)
	Check("a topic created twice fails", err != nil, true)
	brokers, err := admin.ListBrokers(ctx)
	Ok("brokers", err)
	Check("brokers", len(brokers), 1)

	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	var wanted []Row
	for name, codec := range codecs {
		for acks, opt := range map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()} {
			producer, err := kgo.NewClient(kgo.SeedBrokers(Broker()), kgo.DisableIdempotentWrite(),
				kgo.RequiredAcks(opt), kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()),
				kgo.MaxProduceRequestsInflightPerBroker(1), kgo.ProducerLinger(10*time.Millisecond))
			Ok("client", err)
			rows := Batch(fmt.Sprint(name, " ", acks))
			var records []*kgo.Record
			for _, r := range rows {
				record := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.Ms)}
				for _, h := range r.Headers {
					record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
				}
				records = append(records, record)
			}
			Ok("produce", producer.ProduceSync(ctx, records...).FirstErr())
			producer.Close()
			wanted = append(wanted, rows...)
			for { // acks=0: only the log's end tells that it arrived
				ends, err := admin.ListEndOffsets(ctx, topic)
				Ok("ends", err)
				if end, _ := ends.Lookup(topic, 0); end.Offset == int64(len(wanted)) {
					break
				}
			}
		}
	}
	for _, isolation := range []kgo.IsolationLevel{kgo.ReadUncommitted(), kgo.ReadCommitted()} {
		consumer, err := kgo.NewClient(kgo.SeedBrokers(Broker()), kgo.FetchIsolationLevel(isolation),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
		Ok("client", err)
		for i := 0; i < len(wanted); {
			fetches := consumer.PollFetches(ctx)
			Ok("fetch", fetches.Err())
			fetches.EachRecord(func(r *kgo.Record) {
				got := Row{Key: r.Key, Value: r.Value, Ms: r.Timestamp.UnixMilli()}
				for _, h := range r.Headers {
					got.Headers = append(got.Headers, Header{Key: h.Key, Value: h.Value})
				}
				Check("offset", r.Offset, int64(i))
				Same(i, got, wanted[i])
				i++
			})
		}
		consumer.Close()
	}
	at, err := admin.ListOffsetsAfterMilli(ctx, Time+39, topic)
	Ok("offset by time", err)
	found, _ := at.Lookup(topic, 0)
	Check("offset by time", found.Offset, int64(39))
	latest, err := admin.ListMaxTimestampOffsets(ctx, topic)
	Ok("offset of the largest time", err)
	found, _ = latest.Lookup(topic, 0)
	Check("largest time", found.Timestamp, int64(Time+39))

	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	Ok("settings", err)
	value := ""
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" {
			value = c.MaybeValue()
		}
	}
	Check("setting", value, "-1")
	_, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "segment.ms", Value: kadm.StringPtr("5000000")}}, topic)
	Ok("alter", err)
	dirs, err := admin.DescribeAllLogDirs(ctx, nil)
	Ok("log dirs", err)
	Check("log dirs", len(dirs), 1)
	_, err = admin.UpdatePartitions(ctx, 3, topic)
	Ok("partitions", err)
	_, err = admin.DeleteRecords(ctx, kadm.Offsets{topic: {0: kadm.Offset{Topic: topic, Partition: 0, At: 100}}})
	Ok("delete records", err)
	starts, err := admin.ListStartOffsets(ctx, topic)
	Ok("starts", err)
	found, _ = starts.Lookup(topic, 0)
	Check("start", found.Offset, int64(100))
	Check("partitions", len(starts[topic]), 3)
	_, err = admin.DeleteTopic(ctx, topic)
	Ok("delete", err)
	_, err = admin.DeleteTopic(ctx, topic)
	Check("a topic deleted twice fails", err != nil, true)
	client.Close()
}
