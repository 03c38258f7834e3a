package io.github.dpo4j.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.file.AtomicFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * metrics.jsonl: a JSON object a line, each handed to the system as soon as it is appended, so that a run can be watched
 * and a killed one keeps what it logged. A checkpoint stores {@link #position()} and resuming cuts the file back to it, so
 * that a resumed run has each step once.
 */
public final class MetricsLog implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final Path path;
    private final FileChannel channel;

    private MetricsLog(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /** Starts an empty log at {@code path}; what was there is gone. */
    public static MetricsLog create(Path path) throws IOException {
        return new MetricsLog(
                path,
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE));
    }

    /**
     * Cuts the log at {@code path} back to {@code offset} bytes and appends after them.
     *
     * @throws UserError if the log is missing, shorter than the offset, or has no line that ends there
     */
    public static MetricsLog resumeAt(Path path, long offset) throws IOException {
        if (offset < 0) {
            throw new IllegalArgumentException("offset is " + offset + "; it must be at least 0.");
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (NoSuchFileException e) {
            throw new UserError(
                    path + " is missing, so the run cannot resume; restore it or start anew with --overwrite.", e);
        }
        try {
            if (channel.size() < offset) {
                throw new UserError(path + " has " + channel.size() + " bytes but the checkpoint was written at byte "
                        + offset + "; restore the file that belongs to the checkpoint.");
            }
            if (offset > 0 && byteAt(channel, offset - 1) != '\n') {
                throw new UserError(path + " has no line that ends at byte " + offset
                        + ", where the checkpoint was written; restore the file that belongs to the checkpoint.");
            }
            channel.truncate(offset);
            channel.position(offset);
            return new MetricsLog(path, channel);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static byte byteAt(FileChannel channel, long position) throws IOException {
        ByteBuffer one = ByteBuffer.allocate(1);
        channel.read(one, position);
        return one.get(0);
    }

    /** Appends one line and hands it to the system; after a return a crash of this process cannot lose it. */
    public void append(MetricsLine line) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((toJson(line) + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw new IOException(path + " cannot be written (" + AtomicFiles.reason(e) + ")", e);
        }
    }

    /** Returns the bytes written so far: where the next line begins. */
    public long position() throws IOException {
        return channel.position();
    }

    /** Makes the lines so far survive a power cut; call it before the checkpoint that stores {@link #position()}. */
    public void force() throws IOException {
        channel.force(true);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /**
     * Reads the lines in order; null becomes NaN. A last line that was cut off by a crash is left out.
     *
     * @throws UserError if another line is not what this class writes
     */
    public static List<MetricsLine> read(Path path) throws IOException {
        String text = new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
        List<MetricsLine> lines = new ArrayList<>();
        int number = 0;
        int start = 0;
        while (start < text.length()) {
            int newline = text.indexOf('\n', start);
            boolean whole = newline >= 0;
            String line = text.substring(start, whole ? newline : text.length());
            start = whole ? newline + 1 : text.length();
            number++;
            try {
                lines.add(parse(line));
            } catch (JsonProcessingException | IllegalArgumentException e) {
                if (whole) {
                    throw new UserError(path + " line " + number + " is not a line of metrics: " + e.getMessage(), e);
                }
            }
        }
        return List.copyOf(lines);
    }

    private static String toJson(MetricsLine line) throws JsonProcessingException {
        ObjectNode node = JSON.createObjectNode();
        node.put("split", line.split());
        node.put("step", line.step());
        line.metrics().forEach(metric -> put(node, metric));
        return JSON.writeValueAsString(node);
    }

    /** Puts a metric into {@code node}: a count as an integer, what is not finite as null, the rest as it round-trips. */
    static void put(ObjectNode node, Metric metric) {
        if (metric.isCount()) {
            node.put(metric.name(), (long) metric.value());
        } else if (Double.isFinite(metric.value())) {
            node.put(metric.name(), metric.value());
        } else {
            node.putNull(metric.name());
        }
    }

    private static MetricsLine parse(String line) throws JsonProcessingException {
        JsonNode node = JSON.readTree(line);
        if (!node.isObject()
                || !node.path("split").isTextual()
                || !node.path("step").canConvertToLong()) {
            throw new IllegalArgumentException("it needs a \"split\" and a \"step\".");
        }
        List<Metric> metrics = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getKey().equals("split") && !field.getKey().equals("step")) {
                metrics.add(metric(field.getKey(), field.getValue()));
            }
        }
        return new MetricsLine(node.path("split").asText(), node.path("step").asLong(), metrics);
    }

    /** Reads what {@link #put} wrote. */
    static Metric metric(String name, JsonNode value) {
        if (value.isNull()) {
            return new Metric(name, Double.NaN);
        }
        if (!value.isNumber()) {
            throw new IllegalArgumentException("\"" + name + "\" is not a number.");
        }
        return new Metric(name, value.asDouble());
    }
}
