// SPDX-License-Identifier: GPL-3.0-or-later
//! rskafka: topics, produce with every codec, fetch, offsets, delete records.

use chrono::{DateTime, TimeZone, Utc};
use rskafka::client::{
    partition::{Compression, OffsetAt, UnknownTopicHandling},
    ClientBuilder,
};
use rskafka::record::Record;
use std::collections::BTreeMap;

const TOPIC: &str = "rskafka";

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_700_000_000_000 + ms).unwrap()
}

fn batch(tag: &str) -> Vec<Record> {
    (0..40)
        .map(|i: i64| Record {
            key: (i % 5 != 0).then(|| format!("{tag}-k{}", i % 7).into_bytes()),
            value: (i != 11).then(|| {
                let mut value = vec![i as u8; 10];
                value.extend(format!("{tag} żółć {i}").into_bytes());
                value
            }),
            headers: if i % 3 == 0 {
                BTreeMap::from([("h".into(), b"1".to_vec()), ("nul".into(), vec![0, 255])])
            } else {
                BTreeMap::new()
            },
            timestamp: at(i),
        })
        .collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let broker = std::env::var("WEIR_BROKERS").unwrap();
    let client = ClientBuilder::new(vec![broker]).build().await.unwrap();
    let controller = client.controller_client().unwrap();
    controller.create_topic(TOPIC, 1, 1, 30_000).await.unwrap();
    assert!(controller.create_topic(TOPIC, 1, 1, 30_000).await.is_err());
    let topics = client.list_topics().await.unwrap();
    assert!(topics.iter().any(|t| t.name == TOPIC && t.partitions.len() == 1));

    let part = client
        .partition_client(TOPIC, 0, UnknownTopicHandling::Error)
        .await
        .unwrap();
    let mut wanted = Vec::new();
    for codec in [
        Compression::NoCompression,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let rows = batch(&format!("{codec:?}"));
        let offsets = part.produce(rows.clone(), codec).await.unwrap();
        assert_eq!(offsets[0], wanted.len() as i64);
        wanted.extend(rows);
    }
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        let next = got.len() as i64;
        let (records, end) = part.fetch_records(next, 1..100_000, 1_000).await.unwrap();
        assert_eq!(end, wanted.len() as i64);
        for r in records {
            assert_eq!(r.offset, got.len() as i64);
            got.push(r.record);
        }
    }
    assert_eq!(got, wanted);
    assert_eq!(part.get_offset(OffsetAt::Earliest).await.unwrap(), 0);
    assert_eq!(part.get_offset(OffsetAt::Latest).await.unwrap(), wanted.len() as i64);
    assert_eq!(part.get_offset(OffsetAt::Timestamp(at(39))).await.unwrap(), 39);
    part.delete_records(100, 30_000).await.unwrap();
    assert_eq!(part.get_offset(OffsetAt::Earliest).await.unwrap(), 100);
    controller.delete_topic(TOPIC, 30_000).await.unwrap();
    assert!(controller.delete_topic(TOPIC, 30_000).await.is_err());
}
