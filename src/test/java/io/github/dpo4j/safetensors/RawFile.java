package io.github.dpo4j.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes safetensors files that may be wrong, which the writer under test refuses to. */
final class RawFile {
    private RawFile() {}

    static byte[] bytes(long headerBytes, byte[] header, byte[] data) {
        return ByteBuffer.allocate(Long.BYTES + header.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerBytes)
                .put(header)
                .put(data)
                .array();
    }

    /** A file with this header and {@code dataBytes} bytes 0, 1, 2, ... */
    static Path write(Path file, String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        byte[] data = new byte[dataBytes];
        for (int i = 0; i < dataBytes; i++) {
            data[i] = (byte) i;
        }
        return Files.write(file, bytes(json.length, json, data));
    }
}
