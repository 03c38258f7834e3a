package io.github.dpo4j.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** One turn of a conversation, all its fields as the dataset has them (role, content, tool_calls, ...). */
public record Message(ObjectNode fields) {
    public static Message of(String role, String content) {
        ObjectNode fields = JsonNodeFactory.instance.objectNode();
        fields.put("role", role);
        fields.put("content", content);
        return new Message(fields);
    }

    public String role() {
        return fields.path("role").asText();
    }

    /** The content where it is text; empty where it is absent or null. */
    public String content() {
        JsonNode content = fields.path("content");
        return content.isTextual() ? content.asText() : "";
    }
}
