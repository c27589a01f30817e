// SPDX-License-Identifier: GPL-3.0-or-later

// sarama, as an old, a usual and its newest version: admin, producer with every codec and acks, consumer by
// assignment.
package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	. "weir/interop/rows"
)

var codecs = []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy,
	sarama.CompressionLZ4, sarama.CompressionZSTD}

func config(version sarama.KafkaVersion) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = version
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Admin.Timeout = 30 * time.Second
	return c
}

func produce(version sarama.KafkaVersion, topic string, admin sarama.Client) []Row {
	var wanted []Row
	for _, codec := range codecs {
		if codec == sarama.CompressionZSTD && !version.IsAtLeast(sarama.V2_1_0_0) {
			continue
		}
		for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
			c := config(version)
			c.Producer.Compression = codec
			c.Producer.RequiredAcks = acks
			producer, err := sarama.NewSyncProducer([]string{Broker()}, c)
			Ok("producer", err)
			rows := Batch(fmt.Sprint(codec, " ", acks))
			var messages []*sarama.ProducerMessage
			for _, r := range rows {
				m := &sarama.ProducerMessage{Topic: topic, Timestamp: time.UnixMilli(r.Ms)}
				if r.Key != nil {
					m.Key = sarama.ByteEncoder(r.Key)
				}
				if r.Value != nil {
					m.Value = sarama.ByteEncoder(r.Value)
				}
				for _, h := range r.Headers {
					m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
				}
				messages = append(messages, m)
			}
			Ok("send", producer.SendMessages(messages))
			Ok("close", producer.Close())
			wanted = append(wanted, rows...)
			for {
				end, err := admin.GetOffset(topic, 0, sarama.OffsetNewest)
				Ok("end", err)
				if end == int64(len(wanted)) {
					break
				}
			}
		}
	}
	return wanted
}

func consume(c *sarama.Config, topic string, wanted []Row) {
	consumer, err := sarama.NewConsumer([]string{Broker()}, c)
	Ok("consumer", err)
	part, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	Ok("consumer", err)
	for i := range wanted {
		select {
		case m := <-part.Messages():
			got := Row{Key: m.Key, Value: m.Value, Ms: m.Timestamp.UnixMilli()}
			for _, h := range m.Headers {
				got.Headers = append(got.Headers, Header{Key: string(h.Key), Value: h.Value})
			}
			Check("offset", m.Offset, int64(i))
			Same(i, got, wanted[i])
		case <-time.After(30 * time.Second):
			Check("records", i, len(wanted))
		}
	}
	Ok("close", part.Close())
	Ok("close", consumer.Close())
}

func run(version sarama.KafkaVersion) {
	topic := "sarama-" + version.String()
	c := config(version)
	client, err := sarama.NewClient([]string{Broker()}, c)
	Ok("client", err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	Ok("admin", err)
	forever := "-1"
	detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: map[string]*string{"retention.ms": &forever}}
	Ok("create", admin.CreateTopic(topic, detail, false))
	Check("a topic created twice fails", admin.CreateTopic(topic, detail, false) != nil, true)
	wanted := produce(version, topic, client)
	consume(c, topic, wanted)
	at, err := client.GetOffset(topic, 0, Time+39)
	Ok("offset by time", err)
	Check("offset by time", at, int64(39))
	if version.IsAtLeast(sarama.V1_1_0_0) { // before it asks DescribeConfigs 0, which Kafka 4 has not either
		describe(admin, topic)
	}
	brokers, _, err := admin.DescribeCluster()
	Ok("cluster", err)
	Check("brokers", len(brokers), 1)
	Ok("partitions", admin.CreatePartitions(topic, 3, nil, false))
	Ok("delete records", admin.DeleteRecords(topic, map[int32]int64{0: 100}))
	start, err := client.GetOffset(topic, 0, sarama.OffsetOldest)
	Ok("start", err)
	Check("start", start, int64(100))
	Ok("delete", admin.DeleteTopic(topic))
	Ok("close", admin.Close())
}

func describe(admin sarama.ClusterAdmin, topic string) {
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
	Ok("settings", err)
	Check("setting", entries[0].Value, "-1")
}

func main() {
	for _, version := range []sarama.KafkaVersion{sarama.V1_0_0_0, sarama.V2_8_0_0, sarama.MaxVersion} {
		run(version)
	}
}
