// Speaks to a real broker for import.ts:
//   write    topics of every kind, groups and transactions
//   more     records after a restart, a transaction that stays open, and one that is committed last, for a kill
//   settle   begins anew with the transactional ids of what has no end: the broker aborts it, or finishes what was decided
//   read     a line of JSON for each record, by either isolation level, for each partition's ends and each committed offset
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

class BrokerClient {
  static final long TIME = 1700000000000L;
  static final List<String> CODECS = List.of("gzip", "snappy", "lz4", "zstd");
  static String bootstrap;

  static byte[] utf8(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  static Properties properties(Map<String, String> some) {
    Properties all = new Properties();
    all.put("bootstrap.servers", bootstrap);
    for (String kind : List.of("key", "value")) {
      all.put(kind + ".serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
      all.put(kind + ".deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    }
    all.putAll(some);
    return all;
  }

  static KafkaProducer<byte[], byte[]> producer(Map<String, String> some) {
    return new KafkaProducer<>(properties(some));
  }

  static KafkaConsumer<byte[], byte[]> consumer(Map<String, String> some) {
    return new KafkaConsumer<>(properties(some));
  }

  static ProducerRecord<byte[], byte[]> record(String topic, int partition, String name, int index) {
    List<Header> headers = new ArrayList<>();
    if (index % 3 == 0) headers.add(new RecordHeader("source", utf8("row " + index)));
    if (index % 6 == 0) headers.add(new RecordHeader("source", null));
    byte[] key = index % 5 == 0 ? null : utf8("key-" + index);
    byte[] value = index % 11 == 10 ? null : utf8(name + " " + index + " " + "grüß dich ".repeat(index % 40));
    return new ProducerRecord<>(topic, partition, TIME + index * 7L - (index % 2) * 20, key, value, headers);
  }

  static void send(KafkaProducer<byte[], byte[]> producer, String topic, int partition, String name, int count) {
    for (int index = 0; index < count; index++) producer.send(record(topic, partition, name, index));
    producer.flush();
  }

  static void write() throws Exception {
    Map<String, Map<String, String>> topics = new TreeMap<>();
    for (String codec : CODECS) topics.put("codec-" + codec, Map.of("retention.ms", "-1"));
    topics.put("plain", Map.of("retention.ms", "-1", "min.insync.replicas", "1"));
    topics.put("quick", Map.of());
    topics.put("stamped", Map.of("message.timestamp.type", "LogAppendTime"));
    topics.put("trimmed", Map.of("retention.ms", "-1"));
    topics.put("deleted", Map.of());
    topics.put("ahead", Map.of("preallocate", "true", "segment.bytes", "1048576"));
    topics.put("decided", Map.of("retention.ms", "-1"));
    topics.put("compacted", Map.of("cleanup.policy", "compact", "segment.ms", "200", "min.cleanable.dirty.ratio", "0.001", "delete.retention.ms", "1"));
    try (Admin admin = Admin.create(properties(Map.of()))) {
      List<NewTopic> all = new ArrayList<>();
      topics.forEach((name, config) -> all.add(new NewTopic(name, name.equals("plain") || name.equals("decided") ? 2 : 1, (short) 1).configs(config)));
      admin.createTopics(all).all().get();
      try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("linger.ms", "5"))) {
        for (int partition = 0; partition < 2; partition++) send(producer, "plain", partition, "plain", 300);
        for (String topic : List.of("stamped", "trimmed", "deleted", "ahead")) send(producer, topic, 0, topic, 100);
      }
      try (KafkaProducer<byte[], byte[]> quick = producer(Map.of("acks", "1", "enable.idempotence", "false"))) {
        send(quick, "quick", 0, "quick", 100);
      }
      for (String codec : CODECS) {
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("compression.type", codec, "linger.ms", "20"))) {
          send(producer, "codec-" + codec, 0, codec, 200);
        }
      }
      admin.deleteRecords(Map.of(new TopicPartition("trimmed", 0), RecordsToDelete.beforeOffset(37))).all().get();
      admin.deleteTopics(List.of("deleted")).all().get();
      commit("plain-group", Map.of(new TopicPartition("plain", 0), new OffsetAndMetadata(120, "here"), new TopicPartition("plain", 1), new OffsetAndMetadata(7)));
      commit("gone-group", Map.of(new TopicPartition("codec-gzip", 0), new OffsetAndMetadata(3)));
      admin.deleteConsumerGroups(List.of("gone-group")).all().get();
      transact(8);
      compact();
    }
  }

  static void commit(String group, Map<TopicPartition, OffsetAndMetadata> offsets) {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("group.id", group))) {
      consumer.assign(offsets.keySet());
      consumer.commitSync(offsets);
    }
  }

  /** Two at a time, ended either way, others' records in between; offsets in those that commit. */
  static void transact(int rounds) {
    try (KafkaProducer<byte[], byte[]> one = producer(Map.of("transactional.id", "one", "compression.type", "zstd"));
        KafkaProducer<byte[], byte[]> two = producer(Map.of("transactional.id", "two"));
        KafkaProducer<byte[], byte[]> others = producer(Map.of());
        KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("group.id", "moved-group"))) {
      one.initTransactions();
      two.initTransactions();
      for (int round = 0; round < rounds; round++) {
        one.beginTransaction();
        two.beginTransaction();
        for (int partition = 0; partition < 2; partition++) {
          send(one, "decided", partition, "one", 5);
          send(others, "decided", partition, "other", 2);
          send(two, "decided", partition, "two", 6);
        }
        one.sendOffsetsToTransaction(Map.of(new TopicPartition("plain", 0), new OffsetAndMetadata(10 + round)), consumer.groupMetadata());
        if (round % 3 == 0) one.abortTransaction();
        else one.commitTransaction();
        if (round % 2 == 0) two.abortTransaction();
        else two.commitTransaction();
      }
    }
  }

  /** Rounds of the same keys until the cleaner has taken most of them. */
  static void compact() throws Exception {
    try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("compression.type", "lz4"));
        KafkaProducer<byte[], byte[]> transactional = producer(Map.of("transactional.id", "keyed"))) {
      transactional.initTransactions();
      int sent = 0;
      for (int round = 0; round < 200; round++) {
        for (int key = 0; key < 30; key++, sent++) {
          byte[] value = (round + key) % 9 == 0 ? null : utf8("round " + round + " key " + key);
          producer.send(new ProducerRecord<>("compacted", 0, TIME + sent, utf8("key-" + key), value));
        }
        producer.flush();
        transactional.beginTransaction();
        transactional.send(new ProducerRecord<>("compacted", 0, TIME + sent, utf8("key-" + round % 7), utf8("in " + round)));
        if (round % 2 == 0) transactional.commitTransaction();
        else transactional.abortTransaction();
        Thread.sleep(250);
        if (round > 8 && read("read_uncommitted", List.of("compacted"), false) < sent / 3) return;
      }
      throw new IllegalStateException("nothing is compacted");
    }
  }

  static void more() throws Exception {
    try (Admin admin = Admin.create(properties(Map.of()));
        KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
      NewTopic fresh = new NewTopic("fresh", 1, (short) 1).configs(Map.of("preallocate", "true", "segment.bytes", "1048576"));
      admin.createTopics(List.of(fresh, new NewTopic("last", 1, (short) 1))).all().get();
      send(producer, "fresh", 0, "fresh", 50);
      for (String topic : List.of("plain", "ahead", "codec-gzip", "stamped")) {
        for (int batch = 0; batch < 5; batch++) send(producer, topic, 0, "more", 20);
      }
    }
    commit("plain-group", Map.of(new TopicPartition("plain", 0), new OffsetAndMetadata(350)));
    transact(3);
    KafkaProducer<byte[], byte[]> open = producer(Map.of("transactional.id", "open", "transaction.timeout.ms", "600000"));
    open.initTransactions();
    open.beginTransaction();
    for (int partition = 0; partition < 2; partition++) send(open, "decided", partition, "open", 4);
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("group.id", "moved-group"))) {
      open.sendOffsetsToTransaction(Map.of(new TopicPartition("plain", 1), new OffsetAndMetadata(99)), consumer.groupMetadata());
    }
    try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
      for (int partition = 0; partition < 2; partition++) send(producer, "decided", partition, "behind", 3);
    }
    // Nobody ends it. And one whose end is taken away by hand, once all of it is there.
    try (KafkaProducer<byte[], byte[]> last = producer(Map.of("transactional.id", "last"))) {
      last.initTransactions();
      last.beginTransaction();
      send(last, "last", 0, "last", 3);
      last.commitTransaction();
    }
    Thread.sleep(2000);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  static void settle() {
    for (String id : List.of("open", "last")) {
      try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("transactional.id", id))) {
        producer.initTransactions();
      }
    }
  }

  static String hex(byte[] bytes) {
    return bytes == null ? "null" : "\"" + HexFormat.of().formatHex(bytes) + "\"";
  }

  static int read(String level, Collection<String> topics, boolean prints) {
    int count = 0;
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of("isolation.level", level, "auto.offset.reset", "earliest"))) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : topics) consumer.partitionsFor(topic).forEach((each) -> partitions.add(new TopicPartition(topic, each.partition())));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch((each) -> consumer.position(each) < ends.get(each))) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          count++;
          if (prints) print(level, record);
        }
      }
      for (TopicPartition each : prints ? partitions : List.<TopicPartition>of()) {
        System.out.printf("{\"kind\":\"ends\",\"level\":\"%s\",\"topic\":\"%s\",\"partition\":%d,\"begin\":%d,\"end\":%d}%n", level, each.topic(), each.partition(), begins.get(each), ends.get(each));
      }
    }
    return count;
  }

  static void print(String level, ConsumerRecord<byte[], byte[]> record) {
    StringBuilder headers = new StringBuilder();
    for (Header header : record.headers()) {
      if (headers.length() > 0) headers.append(',');
      headers.append("[\"").append(header.key()).append("\",").append(hex(header.value())).append(']');
    }
    System.out.printf("{\"kind\":\"record\",\"level\":\"%s\",\"topic\":\"%s\",\"partition\":%d,\"offset\":%d,\"timestamp\":%d,\"key\":%s,\"value\":%s,\"headers\":[%s]}%n", level, record.topic(), record.partition(), record.offset(), record.timestamp(), hex(record.key()), hex(record.value()), headers);
  }

  static void read() throws Exception {
    try (Admin admin = Admin.create(properties(Map.of()))) {
      Collection<String> topics = new TreeSet<>(admin.listTopics().names().get());
      for (String level : List.of("read_committed", "read_uncommitted")) read(level, topics, true);
      for (String group : List.of("plain-group", "moved-group", "gone-group")) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
        offsets.forEach((at, offset) -> {
          if (offset != null) System.out.printf("{\"kind\":\"offset\",\"group\":\"%s\",\"topic\":\"%s\",\"partition\":%d,\"nextOffset\":%d}%n", group, at.topic(), at.partition(), offset.offset());
        });
      }
      admin.describeTopics(topics).allTopicNames().get().forEach((name, each) ->
        System.out.printf("{\"kind\":\"topic\",\"topic\":\"%s\",\"topicId\":\"%s\",\"partitions\":%d}%n", name, each.topicId(), each.partitions().size()));
    }
  }

  public static void main(String[] words) throws Exception {
    bootstrap = words[1];
    switch (words[0]) {
      case "write" -> write();
      case "more" -> more();
      case "settle" -> settle();
      case "read" -> read();
      default -> throw new IllegalArgumentException(words[0]);
    }
  }
}
