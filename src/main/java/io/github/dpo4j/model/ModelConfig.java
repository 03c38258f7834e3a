package io.github.dpo4j.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A model folder's config.json; every getter names the file and the key when a value is missing or out of range. */
public record ModelConfig(Path file, JsonNode json) {
    private static final long MAX_CONFIG_BYTES = 8 << 20;
    private static final int MAX_DIMENSION = 1 << 24;
    private static final int MAX_LAYERS = 4096;

    public static ModelConfig read(Path folder) {
        return read(folder, "config.json");
    }

    /** Reads another file of the folder that is a JSON object. */
    public static ModelConfig read(Path folder, String name) {
        Path file = folder.resolve(name);
        try {
            if (!Files.isDirectory(folder)) {
                throw new UserError(folder + " is not a folder; --model takes a Hugging Face model folder");
            }
            if (!Files.isRegularFile(file)) {
                throw new UserError(folder + " has no " + name + "; a Hugging Face model folder needs one");
            }
            if (Files.size(file) > MAX_CONFIG_BYTES) {
                throw new UserError(file + " is larger than 8 MiB; a model's config is a few kilobytes");
            }
            JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(file));
            if (!json.isObject()) {
                throw new UserError(file + " is not a JSON object");
            }
            return new ModelConfig(file, json);
        } catch (JacksonException e) {
            throw new UserError(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UserError("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /** Returns the config of an object inside this one, such as rope_parameters; empty where it is absent or null. */
    public ModelConfig inside(String key) {
        if (has(key) && !json.get(key).isObject()) {
            throw new UserError(where(key) + " must be an object, not " + json.get(key));
        }
        return new ModelConfig(file, has(key) ? json.get(key) : new ObjectMapper().createObjectNode());
    }

    public String where(String key) {
        return file + ": '" + key + "'";
    }

    public boolean has(String key) {
        return json.hasNonNull(key);
    }

    /** True where the key is there and says null, which may mean something else than its absence. */
    boolean isNull(String key) {
        return json.has(key) && json.get(key).isNull();
    }

    /** Returns a list of finite numbers above 0; empty where the key is absent or null. */
    List<Double> positiveReals(String key) {
        return list(key, "numbers above 0", node -> {
            double value = node.asDouble();
            return node.isNumber() && value > 0 && Double.isFinite(value) ? value : null;
        });
    }

    /** Returns a list of strings; empty where the key is absent or null. */
    public List<String> texts(String key) {
        return list(key, "strings", node -> node.isTextual() ? node.asText() : null);
    }

    /** Returns a list of 1 or 0, or of true or false; empty where the key is absent or null. */
    List<Boolean> bits(String key) {
        return list(key, "ones and zeros", node -> {
            boolean bit = node.isBoolean() || (node.isInt() && (node.asInt() == 0 || node.asInt() == 1));
            return bit ? node.asBoolean() : null;
        });
    }

    /** {@code element} returns null for what does not belong there. */
    private <T> List<T> list(String key, String what, Function<JsonNode, @Nullable T> element) {
        List<T> values = new ArrayList<>();
        if (!has(key)) {
            return values;
        }
        if (!json.get(key).isArray()) {
            throw new UserError(where(key) + " must be a list, not " + json.get(key));
        }
        for (JsonNode node : json.get(key)) {
            T value = element.apply(node);
            if (value == null) {
                throw new UserError(where(key) + " must be a list of " + what + "; it holds " + node);
            }
            values.add(value);
        }
        return values;
    }

    /** Returns a required whole number of at least 1. */
    public int positive(String key) {
        if (!has(key)) {
            throw new UserError(file + " has no '" + key + "', which this model type needs");
        }
        return positive(key, 0);
    }

    /** Returns a whole number of at least 0, or {@code fallback} where the key is absent or null. */
    int count(String key, int fallback) {
        boolean zero =
                has(key) && json.get(key).isIntegralNumber() && json.get(key).asLong() == 0;
        return zero ? 0 : positive(key, fallback);
    }

    /** Returns how many layers there are, which is a number that a list of layers can be made for. */
    public int layers(String key) {
        int layers = positive(key);
        if (layers > MAX_LAYERS) {
            throw new UserError(where(key) + " is " + layers + "; no model has more than " + MAX_LAYERS + " layers");
        }
        return layers;
    }

    /** Returns a whole number of at least 1, or {@code fallback} where the key is absent or null. */
    public int positive(String key, int fallback) {
        if (!has(key)) {
            return fallback;
        }
        JsonNode node = json.get(key);
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() < 1 || node.asInt() > MAX_DIMENSION) {
            throw new UserError(where(key) + " must be a whole number from 1 to " + MAX_DIMENSION + ", not " + node);
        }
        return node.asInt();
    }

    /** Returns a finite number above 0, or {@code fallback} where the key is absent or null. */
    public double positiveReal(String key, double fallback) {
        if (!has(key)) {
            return fallback;
        }
        JsonNode node = json.get(key);
        if (!node.isNumber() || !(node.asDouble() > 0) || Double.isInfinite(node.asDouble())) {
            throw new UserError(where(key) + " must be a number above 0, not " + node);
        }
        return node.asDouble();
    }

    /** Returns a number from 0 to below 1, 0 where the key is absent or null. */
    public double share(String key) {
        if (!has(key)) {
            return 0;
        }
        JsonNode node = json.get(key);
        if (!node.isNumber() || !(node.asDouble() >= 0 && node.asDouble() < 1)) {
            throw new UserError(where(key) + " must be a number from 0 to below 1, not " + node);
        }
        return node.asDouble();
    }

    public boolean flag(String key, boolean fallback) {
        if (!has(key)) {
            return fallback;
        }
        if (!json.get(key).isBoolean()) {
            throw new UserError(where(key) + " must be true or false, not " + json.get(key));
        }
        return json.get(key).asBoolean();
    }

    public String text(String key, String fallback) {
        if (!has(key)) {
            return fallback;
        }
        if (!json.get(key).isTextual()) {
            throw new UserError(where(key) + " must be a string, not " + json.get(key));
        }
        return json.get(key).asText();
    }
}
