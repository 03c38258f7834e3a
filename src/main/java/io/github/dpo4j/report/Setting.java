package io.github.dpo4j.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A resolved setting of a run, in snake_case. Secrets are cut out on construction, here and nowhere else, so that no
 * file or report made from settings can leak one: values under a key such as {@code token} or {@code api_key}, and the
 * user and password of a URL.
 */
public record Setting(String name, JsonNode value) {
    private static final String REDACTED = "(redacted)";
    private static final Pattern SECRET_KEY =
            Pattern.compile("(.*_)?(api_?key|password|secret)|token|(hf|hub|auth|access|bearer|api)_token");
    private static final Pattern URL_USER = Pattern.compile("(?<=://)[^/@\\s]+@");

    public Setting {
        value = redacted(name, value);
    }

    public static Setting of(String name, String value) {
        return new Setting(name, JsonNodeFactory.instance.textNode(value));
    }

    public static Setting of(String name, long value) {
        return new Setting(name, JsonNodeFactory.instance.numberNode(value));
    }

    public static Setting of(String name, double value) {
        return new Setting(name, JsonNodeFactory.instance.numberNode(value));
    }

    public static Setting of(String name, boolean value) {
        return new Setting(name, JsonNodeFactory.instance.booleanNode(value));
    }

    private static JsonNode redacted(String key, JsonNode value) {
        if (SECRET_KEY.matcher(key.toLowerCase(Locale.ROOT).replace('-', '_')).matches()) {
            return JsonNodeFactory.instance.textNode(REDACTED);
        }
        if (value.isTextual()) {
            return JsonNodeFactory.instance.textNode(withoutUrlUser(value.asText()));
        }
        if (value.isArray()) {
            ArrayNode array = JsonNodeFactory.instance.arrayNode();
            value.forEach(element -> array.add(redacted("", element)));
            return array;
        }
        if (value.isObject()) {
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            for (Map.Entry<String, JsonNode> field : value.properties()) {
                object.set(field.getKey(), redacted(field.getKey(), field.getValue()));
            }
            return object;
        }
        return value;
    }

    /** Returns {@code text} with {@code https://user:password@host} cut to {@code https://host}. */
    static String withoutUrlUser(String text) {
        return URL_USER.matcher(text).replaceAll("");
    }
}
