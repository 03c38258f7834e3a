package io.github.dpo4j.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One row as an object; its accessors say in a sentence what is wrong with a column. */
record RowColumns(ObjectNode row) {
    // NaN is no JSON, but Python writes it into columns (scores, votes) that nobody reads here.
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    static RowColumns parse(byte[] bytes) throws BadRowException {
        String text;
        try {
            // A new decoder reports malformed input instead of replacing it.
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new BadRowException("the row is not valid UTF-8");
        }
        try {
            if (JSON.readTree(text) instanceof ObjectNode object) {
                return new RowColumns(object);
            }
        } catch (JsonProcessingException e) {
            throw new BadRowException("the row is not valid JSON (" + firstLine(e.getOriginalMessage()) + ")");
        }
        throw new BadRowException("the row is not a JSON object");
    }

    /** Whether the column exists and is not null. */
    boolean has(String column) {
        return row.hasNonNull(column);
    }

    /** Whether the column exists, be it null. */
    boolean names(String column) {
        return row.has(column);
    }

    JsonNode value(String column) throws BadRowException {
        JsonNode value = row.get(column);
        if (value == null) {
            throw new BadRowException("the row has no `" + column + "` column");
        }
        if (value.isNull()) {
            throw new BadRowException("`" + column + "` is null");
        }
        return value;
    }

    /** The column's value, which must be text or a message list. */
    JsonNode textOrMessages(String column) throws BadRowException {
        JsonNode value = value(column);
        if (!value.isTextual() && !value.isArray()) {
            throw new BadRowException("`" + column + "` is " + kind(value) + " but must be text or a list of messages");
        }
        return value;
    }

    String text(String column) throws BadRowException {
        JsonNode value = value(column);
        if (!value.isTextual()) {
            throw new BadRowException("`" + column + "` is " + kind(value) + " but must be text");
        }
        return value.asText();
    }

    List<Message> messages(String column) throws BadRowException {
        return messages(value(column), column);
    }

    /** Reads a list of messages that is the {@code column} or an element of it. */
    static List<Message> messages(JsonNode value, String column) throws BadRowException {
        if (!value.isArray()) {
            throw new BadRowException("`" + column + "` is " + kind(value) + " but must be a list of messages");
        }
        if (value.isEmpty()) {
            throw new BadRowException("`" + column + "` is an empty list of messages");
        }
        List<Message> messages = new ArrayList<>(value.size());
        for (JsonNode element : value) {
            messages.add(message(element, "message " + (messages.size() + 1) + " of `" + column + "`"));
        }
        return List.copyOf(messages);
    }

    private static Message message(JsonNode element, String where) throws BadRowException {
        if (!(element instanceof ObjectNode fields)) {
            throw new BadRowException(where + " is " + kind(element) + " but must be an object with a role");
        }
        if (!fields.path("role").isTextual()) {
            throw new BadRowException(where + " has no role that is text");
        }
        JsonNode content = fields.get("content");
        if (content != null && !content.isTextual() && !content.isNull() && !content.isArray()) {
            throw new BadRowException(
                    where + " has a content that is " + kind(content) + " but must be text, a list or null");
        }
        return new Message(fields);
    }

    /** The optional tools: a JSON array, or text that holds one (TRL's datasets store it so); null where absent. */
    @Nullable
    JsonNode tools() throws BadRowException {
        if (!has("tools")) {
            return null;
        }
        JsonNode tools = value("tools");
        if (tools.isTextual()) {
            try {
                tools = JSON.readTree(tools.asText());
            } catch (JsonProcessingException e) {
                throw new BadRowException("`tools` is text that is not valid JSON");
            }
            if (tools.isNull()) {
                return null;
            }
        }
        if (!tools.isArray()) {
            throw new BadRowException("`tools` is " + kind(tools) + " but must be a list");
        }
        return tools;
    }

    private static String kind(JsonNode value) {
        return switch (value.getNodeType()) {
            case ARRAY -> "a list";
            case BOOLEAN -> "a boolean";
            case NULL -> "null";
            case NUMBER -> "a number";
            case OBJECT, POJO -> "an object";
            case STRING, BINARY -> "text";
            case MISSING -> "missing";
        };
    }

    private static String firstLine(String message) {
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
