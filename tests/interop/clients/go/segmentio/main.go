// SPDX-License-Identifier: GPL-3.0-or-later

// segmentio's kafka-go: admin, writer with every codec and acks, reader of one partition.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	. "weir/interop/rows"
)

const topic = "kafka-go"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(Broker()), Timeout: 30 * time.Second}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}})
	Ok("create", err)
	Ok("create", made.Errors[topic])
	metadata, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	Ok("metadata", err)
	Check("partitions", len(metadata.Topics[0].Partitions), 1)

	end := func() int64 {
		r, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			topic: {kafka.LastOffsetOf(0)}}})
		Ok("end", err)
		return r.Topics[topic][0].LastOffset
	}
	var wanted []Row
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
			writer := &kafka.Writer{Addr: kafka.TCP(Broker()), Topic: topic, RequiredAcks: acks, Compression: codec,
				BatchTimeout: 10 * time.Millisecond}
			rows := Batch(fmt.Sprint(codec, " ", acks))
			var messages []kafka.Message
			for _, r := range rows {
				m := kafka.Message{Key: r.Key, Value: r.Value, Time: time.UnixMilli(r.Ms)}
				for _, h := range r.Headers {
					m.Headers = append(m.Headers, kafka.Header{Key: h.Key, Value: h.Value})
				}
				messages = append(messages, m)
			}
			Ok("write", writer.WriteMessages(ctx, messages...))
			Ok("close", writer.Close())
			wanted = append(wanted, rows...)
			for end() != int64(len(wanted)) {
			}
		}
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{Broker()}, Topic: topic, Partition: 0})
	for i := range wanted {
		m, err := reader.ReadMessage(ctx)
		Ok("read", err)
		got := Row{Key: m.Key, Value: m.Value, Ms: m.Time.UnixMilli()}
		for _, h := range m.Headers {
			got.Headers = append(got.Headers, Header{Key: h.Key, Value: h.Value})
		}
		Check("offset", m.Offset, int64(i))
		Same(i, got, wanted[i])
	}
	Ok("close", reader.Close())
	configs, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}}}})
	Ok("settings", err)
	Check("setting", configs.Resources[0].ConfigEntries[0].ConfigValue, "604800000")
	_, err = client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 3}}})
	Ok("partitions", err)
	gone, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	Ok("delete", err)
	Ok("delete", gone.Errors[topic])
}
