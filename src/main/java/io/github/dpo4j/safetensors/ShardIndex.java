package io.github.dpo4j.safetensors;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * {@code model.safetensors.index.json}: which shard holds which tensor.
 *
 * @param weightMap tensor name to shard file name; every file name is plain, so joining it to a folder stays inside
 */
record ShardIndex(Map<String, String> weightMap, OptionalLong totalParameters) {
    static final String NAME = "model.safetensors.index.json";
    static final String SUFFIX = ".safetensors";

    SortedSet<String> files() {
        return new TreeSet<>(weightMap.values());
    }

    /** Whether {@code name} is that of a safetensors file and, on any system, names nothing outside its folder. */
    static boolean isPlainName(String name) {
        return name.endsWith(SUFFIX)
                && !name.startsWith(".")
                && name.length() <= 255
                && Header.isUnicode(name)
                && name.chars().noneMatch(c -> "/\\:*?\"<>|".indexOf(c) >= 0 || Character.isISOControl(c));
    }

    /** Reads and validates the index at {@code file}; throws UserError on any defect. */
    static ShardIndex read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] json = in.readNBytes(Header.MOST_BYTES + 1);
            if (json.length > Header.MOST_BYTES) {
                throw Header.broken(file, "the index has more than " + Header.MOST_BYTES + " bytes");
            }
            return parse(file, json);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read (" + Words.reason(e) + "); check that it is readable", e);
        }
    }

    private static ShardIndex parse(Path file, byte[] json) {
        Map<String, String> weightMap = new LinkedHashMap<>();
        OptionalLong totalParameters = OptionalLong.empty();
        try (JsonParser parser = StrictJson.parser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw Header.broken(file, "the index is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals("weight_map")) {
                    readWeightMap(file, parser, weightMap);
                } else if (key.equals("metadata") && value == JsonToken.START_OBJECT) {
                    totalParameters = readTotalParameters(parser);
                } else {
                    parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) {
                throw Header.broken(file, "something follows the JSON object of the index");
            }
        } catch (IOException e) {
            throw Header.broken(file, "the index is not valid JSON (" + StrictJson.reason(e) + ")");
        }
        if (weightMap.isEmpty()) {
            throw Header.broken(file, "the index has no weight_map, or an empty one");
        }
        return new ShardIndex(weightMap, totalParameters);
    }

    private static void readWeightMap(Path file, JsonParser parser, Map<String, String> weightMap) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw Header.broken(file, "the weight_map is not a JSON object");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw Header.broken(file, "the weight_map gives tensor " + Words.quoted(tensor) + " no file name");
            }
            String shard = parser.getText();
            if (!isPlainName(shard)) {
                throw new UserError(file + ": the weight_map places tensor " + Words.quoted(tensor) + " in "
                        + Words.quoted(shard)
                        + ", which is not a plain *.safetensors name of a file in this folder; use"
                        + " a model folder from a source you trust");
            }
            weightMap.put(tensor, shard);
        }
    }

    /** Takes the one entry that a writer cannot compute; the size is computed anew. */
    private static OptionalLong readTotalParameters(JsonParser parser) throws IOException {
        OptionalLong totalParameters = OptionalLong.empty();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            boolean whole = parser.nextToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            if (whole && key.equals("total_parameters")) {
                totalParameters = OptionalLong.of(parser.getLongValue());
            }
            parser.skipChildren();
        }
        return totalParameters;
    }

    /** Writes the index of {@code layout} byte for byte as transformers does: two spaces, sorted keys, ASCII, a last newline. */
    static void write(Layout layout, OutputStream out) throws IOException {
        TreeMap<String, String> weightMap = new TreeMap<>();
        for (Layout.File file : layout.files()) {
            file.tensors().forEach(tensor -> weightMap.put(tensor.name(), file.name()));
        }
        try (JsonGenerator json = StrictJson.FACTORY.createGenerator(out)) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.enable(JsonWriteFeature.ESCAPE_NON_ASCII.mappedFeature());
            json.setPrettyPrinter(new DefaultPrettyPrinter(
                            Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER))
                    .withObjectIndenter(new DefaultIndenter("  ", "\n")));
            json.writeStartObject();
            json.writeObjectFieldStart("metadata");
            if (layout.totalParameters().isPresent()) {
                json.writeNumberField(
                        "total_parameters", layout.totalParameters().getAsLong());
            }
            json.writeNumberField("total_size", layout.bytes());
            json.writeEndObject();
            json.writeObjectFieldStart("weight_map");
            for (Map.Entry<String, String> entry : weightMap.entrySet()) {
                json.writeStringField(entry.getKey(), entry.getValue());
            }
            json.writeEndObject();
            json.writeEndObject();
            json.writeRaw('\n');
        }
    }
}
