// Writes test/compression/fixtures/kafka-compressed.log with Kafka's own classes and the codecs that it uses:
//   java -cp "$(cat CLASSPATH_FILE)" test/kafka/WriteBatches.java test/compression/fixtures/kafka-compressed.log
// One batch each: plain, then gzip, snappy, lz4 and zstd by Kafka's builder, then framings that other clients write.
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import net.jpountz.lz4.LZ4FrameOutputStream;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.utils.Crc32C;

class WriteBatches {
  static final int RECORDS = 40;
  static final int HEADER_BYTES = 61;

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static SimpleRecord[] records() {
    SimpleRecord[] records = new SimpleRecord[RECORDS];
    for (int index = 0; index < RECORDS; index++) {
      List<Header> headers = new ArrayList<>();
      if (index % 3 == 0) headers.add(new RecordHeader("source", utf8("row " + index)));
      if (index % 6 == 0) headers.add(new RecordHeader("empty", null));
      byte[] key = index % 5 == 0 ? null : utf8("key-" + index);
      byte[] value = index % 11 == 10 ? null : utf8("{\"index\":" + index + ",\"text\":\"" + "grüß dich ".repeat(index) + "\"}");
      long timestamp = 1700000000000L + index * 7 - (index % 2) * 20;
      records[index] = new SimpleRecord(timestamp, key, value, headers.toArray(new Header[0]));
    }
    return records;
  }

  static byte[] batch(long baseOffset, CompressionType type) {
    MemoryRecords batch = MemoryRecords.withRecords(baseOffset, Compression.of(type).build(), records());
    ByteBuffer buffer = batch.buffer();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  interface Wrapper {
    OutputStream around(OutputStream out) throws Exception;
  }

  static byte[] wrapped(byte[] plain, Wrapper wrapper) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream wrapping = wrapper.around(out)) {
      wrapping.write(plain);
    }
    return out.toByteArray();
  }

  interface Squeeze {
    byte[] of(byte[] plain) throws Exception;
  }

  /** The same records after the header that Kafka wrote, compressed another way. */
  static byte[] other(long baseOffset, CompressionType type, Squeeze squeeze) throws Exception {
    byte[] plain = batch(baseOffset, CompressionType.NONE);
    byte[] records = new byte[plain.length - HEADER_BYTES];
    System.arraycopy(plain, HEADER_BYTES, records, 0, records.length);
    byte[] squeezed = squeeze.of(records);
    ByteBuffer buffer = ByteBuffer.allocate(HEADER_BYTES + squeezed.length);
    buffer.put(plain, 0, HEADER_BYTES).put(squeezed);
    buffer.putInt(8, buffer.capacity() - 12);
    buffer.putShort(21, (short) type.id);
    buffer.putInt(17, (int) Crc32C.compute(buffer.array(), 21, buffer.capacity() - 21));
    return buffer.array();
  }

  public static void main(String[] args) throws Exception {
    LZ4FrameOutputStream.BLOCKSIZE small = LZ4FrameOutputStream.BLOCKSIZE.SIZE_64KB;
    LZ4FrameOutputStream.BLOCKSIZE large = LZ4FrameOutputStream.BLOCKSIZE.SIZE_4MB;
    LZ4FrameOutputStream.FLG.Bits independent = LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE;
    LZ4FrameOutputStream.FLG.Bits checksum = LZ4FrameOutputStream.FLG.Bits.CONTENT_CHECKSUM;
    LZ4FrameOutputStream.FLG.Bits size = LZ4FrameOutputStream.FLG.Bits.CONTENT_SIZE;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long next = 0;
    for (CompressionType type : new CompressionType[] {
      CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD
    }) {
      out.write(batch(next, type));
      next += RECORDS;
    }
    // One raw block: librdkafka, franz-go.
    out.write(other(next, CompressionType.SNAPPY, org.xerial.snappy.Snappy::compress));
    next += RECORDS;
    out.write(other(next, CompressionType.LZ4, plain -> wrapped(plain, to -> new LZ4FrameOutputStream(to, small, independent, checksum))));
    next += RECORDS;
    out.write(other(next, CompressionType.LZ4, plain -> wrapped(plain, to -> new LZ4FrameOutputStream(to, large, plain.length, independent, checksum, size))));
    next += RECORDS;
    out.write(other(next, CompressionType.ZSTD, plain -> com.github.luben.zstd.Zstd.compress(plain, 19)));
    next += RECORDS;
    out.write(other(next, CompressionType.ZSTD, plain -> wrapped(plain, to -> new com.github.luben.zstd.ZstdOutputStream(to, 1).setChecksum(true))));
    Files.createDirectories(Path.of(args[0]).toAbsolutePath().getParent());
    Files.write(Path.of(args[0]), out.toByteArray());
  }
}
