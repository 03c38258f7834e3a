package io.github.dpo4j.golden;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.safetensors.DType;
import io.github.dpo4j.safetensors.SafetensorsFolder;
import io.github.dpo4j.safetensors.SafetensorsWriter;
import io.github.dpo4j.safetensors.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;

/** Writes a golden's policy again with another config.json or other weights. */
public final class Variant {
    private Variant() {}

    /** A tensor of floats as it is to lie in the file. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    public record Stored(List<Long> shape, float[] values) {
        /** A vector whose element i is {@code f(i)}. */
        public static Stored vector(int size, DoubleUnaryOperator f) {
            float[] values = new float[size];
            for (int i = 0; i < size; i++) {
                values[i] = (float) f.applyAsDouble(i);
            }
            return new Stored(List.of((long) size), values);
        }
    }

    public static Path write(
            String family, Path target, Consumer<ObjectNode> config, Consumer<Map<String, Stored>> weights)
            throws IOException {
        Path source = Golden.of(family).policyFolder();
        Files.createDirectories(target);
        try (Stream<Path> files = Files.list(source)) {
            for (Path file :
                    files.filter(f -> !f.toString().contains(".safetensors")).toList()) {
                Files.copy(
                        file,
                        target.resolve(
                                Objects.requireNonNull(file.getFileName()).toString()));
            }
        }
        Path json = target.resolve("config.json");
        ObjectNode object = (ObjectNode) new ObjectMapper().readTree(json.toFile());
        config.accept(object);
        new ObjectMapper().writeValue(json.toFile(), object);

        Map<String, Stored> tensors = new LinkedHashMap<>();
        try (SafetensorsFolder folder = SafetensorsFolder.open(source)) {
            folder.tensors()
                    .forEach((name, info) -> tensors.put(
                            name,
                            new Stored(
                                    info.shape(),
                                    folder.data(name)
                                            .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(
                                                    ByteOrder.LITTLE_ENDIAN)))));
        }
        weights.accept(tensors);
        List<TensorSpec> specs = new ArrayList<>();
        tensors.forEach((name, stored) -> specs.add(new TensorSpec(name, DType.F32, stored.shape())));
        SafetensorsWriter.write(
                target.resolve("model.safetensors"),
                specs,
                Map.of("format", "pt"),
                (spec, sink) -> sink.write(
                        bytes(Objects.requireNonNull(tensors.get(spec.name())).values())));
        return target;
    }

    private static MemorySegment bytes(float[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return MemorySegment.ofArray(buffer.array());
    }
}
