package io.github.dpo4j.safetensors;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The JSON header of a safetensors file, validated: the tensors cover the data section without overlap or hole.
 *
 * @param tensors by name, in the order of their bytes
 * @param metadata the file's {@code __metadata__}; empty if it has none
 */
record Header(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    static final String METADATA = "__metadata__";

    /** The reference library's limit. */
    static final int MOST_BYTES = 100_000_000;

    /** As in libtorch; without a limit, a header of one long shape would fill the heap. */
    private static final int MOST_DIMENSIONS = 64;

    /** Parses a header of {@code file} that is followed by {@code dataBytes} bytes; throws UserError on any defect. */
    static Header parse(Path file, byte[] json, long dataBytes) {
        if (json.length == 0 || json[0] != '{') {
            throw broken(file, "the header does not start with '{', so this is not a safetensors file");
        }
        try (JsonParser parser = StrictJson.parser(json)) {
            Header header = new Reader(file, parser).read();
            return new Header(ordered(file, header.tensors.values(), dataBytes), header.metadata);
        } catch (IOException e) {
            throw broken(file, "the header is not valid JSON (" + StrictJson.reason(e) + ")");
        }
    }

    static UserError broken(Path file, String what) {
        return new UserError(file + ": " + what + "; download or export the file again");
    }

    /** Names a lone surrogate as false: UTF-8 cannot hold it, so the name could not be written back. */
    static boolean isUnicode(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    private static Map<String, TensorInfo> ordered(Path file, Iterable<TensorInfo> unordered, long dataBytes) {
        List<TensorInfo> tensors = new ArrayList<>();
        unordered.forEach(tensors::add);
        tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        Map<String, TensorInfo> ordered = new LinkedHashMap<>();
        long end = 0;
        for (TensorInfo tensor : tensors) {
            String name = "tensor " + Words.quoted(tensor.name());
            if (tensor.end() > dataBytes) {
                throw broken(
                        file,
                        name + " ends at byte " + tensor.end() + " of a data section of " + dataBytes
                                + " bytes, so the file is truncated or its header wrong");
            }
            if (tensor.begin() < end) {
                throw broken(file, name + " starts at byte " + tensor.begin() + " inside the tensor before it");
            }
            if (tensor.begin() > end) {
                throw broken(file, "there is a hole of " + (tensor.begin() - end) + " bytes before " + name);
            }
            end = tensor.end();
            ordered.put(tensor.name(), tensor);
        }
        if (end != dataBytes) {
            throw broken(file, (dataBytes - end) + " bytes follow the last tensor and belong to none");
        }
        return Collections.unmodifiableMap(ordered);
    }

    private record Reader(Path file, JsonParser parser) {
        Header read() throws IOException {
            Map<String, TensorInfo> tensors = new LinkedHashMap<>();
            Map<String, String> metadata = new LinkedHashMap<>();
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = unicode(parser.currentName());
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata(metadata);
                } else {
                    tensors.put(name, readTensor(name));
                }
            }
            if (parser.nextToken() != null) {
                throw broken(file, "something follows the JSON object of the header");
            }
            return new Header(tensors, Collections.unmodifiableMap(metadata));
        }

        private void readMetadata(Map<String, String> metadata) throws IOException {
            expect(JsonToken.START_OBJECT, METADATA + " is not a JSON object");
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = unicode(parser.currentName());
                parser.nextToken();
                expect(JsonToken.VALUE_STRING, METADATA + " maps " + Words.quoted(key) + " to something not a string");
                metadata.put(key, unicode(parser.getText()));
            }
        }

        private TensorInfo readTensor(String name) throws IOException {
            String tensor = "tensor " + Words.quoted(name);
            expect(JsonToken.START_OBJECT, tensor + " is not described by a JSON object");
            @Nullable DType dtype = null;
            @Nullable List<Long> shape = null;
            @Nullable List<Long> offsets = null;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                parser.nextToken();
                switch (key) {
                    case "dtype" -> dtype = readDType(tensor);
                    case "shape" -> shape = readLongs(tensor, "shape");
                    case "data_offsets" -> offsets = readLongs(tensor, "data_offsets");
                    default -> throw broken(file, tensor + " has the unknown key " + Words.quoted(key));
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw broken(file, tensor + " lacks dtype, shape or data_offsets");
            }
            if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
                throw broken(file, tensor + " has data_offsets that are not [begin, end] with begin <= end");
            }
            TensorInfo info = new TensorInfo(name, dtype, shape, offsets.get(0), offsets.get(1));
            if (info.bytes() != bytes(tensor, dtype, shape)) {
                throw broken(
                        file,
                        tensor + " takes " + bytes(tensor, dtype, shape) + " bytes as " + dtype + ' ' + brief(shape)
                                + " but its data_offsets span " + info.bytes());
            }
            return info;
        }

        private long bytes(String tensor, DType dtype, List<Long> shape) {
            try {
                return TensorSpec.bytes(dtype, shape);
            } catch (ArithmeticException e) {
                throw broken(file, tensor + " has the shape " + brief(shape) + ", more than 2^63 bytes");
            }
        }

        private DType readDType(String tensor) throws IOException {
            expect(JsonToken.VALUE_STRING, tensor + " has a dtype that is not a string");
            String name = parser.getText();
            return DType.named(name)
                    .orElseThrow(() -> new UserError(file + ": " + tensor + " has the dtype " + Words.oneLine(name)
                            + ", which dpo4j does not read; convert"
                            + " the model to float32, float16 or bfloat16 (quantized models cannot be trained)"));
        }

        private List<Long> readLongs(String tensor, String key) throws IOException {
            String defect = tensor + " has a " + key + " that is not a list of whole numbers from 0 to 2^63 - 1";
            expect(JsonToken.START_ARRAY, defect);
            List<Long> values = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                expect(JsonToken.VALUE_NUMBER_INT, defect);
                if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
                    throw broken(file, defect);
                }
                if (values.size() == MOST_DIMENSIONS) {
                    throw broken(file, tensor + " has a " + key + " of more than " + MOST_DIMENSIONS + " numbers");
                }
                values.add(parser.getLongValue());
            }
            return values;
        }

        private void expect(JsonToken token, String defect) {
            if (parser.currentToken() != token) {
                throw broken(file, defect);
            }
        }

        private String unicode(String text) {
            if (!isUnicode(text)) {
                throw broken(file, "the name or value " + Words.quoted(text) + " is not valid Unicode");
            }
            return text;
        }

        private static String brief(List<Long> shape) {
            return Words.oneLine(shape.toString());
        }
    }
}
