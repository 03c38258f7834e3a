package io.github.dpo4j.generate;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dpo4j.UserError;
import io.github.dpo4j.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** Which tokens end a completion: eos_token_id of generation_config.json, else of config.json, else the tokenizer's EOS. */
public final class EndTokens {
    private EndTokens() {}

    public static Set<Integer> of(Path folder, Tokenizer tokenizer) {
        for (String file : new String[] {"generation_config.json", "config.json"}) {
            Set<Integer> ids = read(folder.resolve(file));
            if (!ids.isEmpty()) {
                return ids;
            }
        }
        return tokenizer.eosId().isPresent() ? Set.of(tokenizer.eosId().getAsInt()) : Set.of();
    }

    private static Set<Integer> read(Path file) {
        Set<Integer> ids = new TreeSet<>();
        if (!Files.isRegularFile(file)) {
            return ids;
        }
        try {
            JsonNode value =
                    new ObjectMapper().readTree(Files.readAllBytes(file)).path("eos_token_id");
            if (value.isIntegralNumber()) {
                ids.add(value.asInt());
            }
            value.forEach(id -> ids.add(id.asInt()));
            return ids;
        } catch (JacksonException e) {
            throw new UserError(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UserError("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
