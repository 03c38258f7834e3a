package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/**
 * The Python class that transformers 5 loads a folder's tokenizer with. Two of them do not take tokenizer.json as it stands
 * but rebuild all but its vocabulary, which shows in the ids; models are trained on what they give, so they are followed here.
 * Other classes rebuild too, to the same effect on the files that belong to them, and are read from the file.
 */
enum TokenizerClass {
    /** Everything that is read from the file alone. */
    FROM_FILE,
    GPT2,
    GPT_NEOX,
    GEMMA,
    LLAMA,
    QWEN2;

    private static final String QWEN2_WORDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** The sentencepiece mark of a space. */
    private static final String SPACE = "\u2581";

    /** Chosen as AutoTokenizer chooses: by the class that tokenizer_config.json names, and by config.json's model type. */
    static TokenizerClass in(Path folder) {
        String named = SpecialTokens.readObject(folder.resolve("tokenizer_config.json"))
                .path("tokenizer_class")
                .asText();
        String modelType = SpecialTokens.readObject(folder.resolve("config.json"))
                .path("model_type")
                .asText();
        return switch (modelType) {
            case "qwen2" -> QWEN2; // names in the wild are known to be wrong for it
            case "mistral", "mixtral", "phi3", "granite", "olmo2", "stablelm", "deepseek_v2", "deepseek_v3" ->
                FROM_FILE;
            case "qwen2_moe", "qwen3", "qwen3_moe" -> named.isEmpty() ? QWEN2 : named(named);
            case "gpt2", "gpt_neo", "gptj", "opt", "phi" -> named.isEmpty() ? GPT2 : named(named);
            case "gpt_neox" -> named.isEmpty() ? GPT_NEOX : named(named);
            case "gemma", "gemma2", "gemma3", "gemma3_text" -> named.isEmpty() ? GEMMA : named(named);
            default -> named(named);
        };
    }

    private static TokenizerClass named(String tokenizerClass) {
        return switch (tokenizerClass) {
            case "GPT2Tokenizer", "GPT2TokenizerFast" -> GPT2;
            case "GPTNeoXTokenizer", "GPTNeoXTokenizerFast" -> GPT_NEOX;
            case "GemmaTokenizer", "GemmaTokenizerFast" -> GEMMA;
            case "LlamaTokenizer", "LlamaTokenizerFast" -> LLAMA;
            case "Qwen2Tokenizer", "Qwen2TokenizerFast" -> QWEN2;
            default -> FROM_FILE;
        };
    }

    /** Special tokens of folders that do not name them. */
    SpecialTokens defaults() {
        String endOfText = "<|endoftext|>";
        return switch (this) {
            case FROM_FILE -> new SpecialTokens(null, null, null, null);
            case GPT2 -> new SpecialTokens(endOfText, endOfText, null, endOfText);
            case GPT_NEOX -> new SpecialTokens(endOfText, endOfText, "<|padding|>", endOfText);
            case GEMMA -> new SpecialTokens("<bos>", "<eos>", "<pad>", "<unk>");
            case LLAMA -> new SpecialTokens("<s>", "</s>", null, "<unk>");
            case QWEN2 -> new SpecialTokens(null, endOfText, endOfText, endOfText);
        };
    }

    /** Changes a tokenizer.json to what the class makes of it. */
    void rebuild(ObjectNode tokenizer, JsonNode config) {
        switch (this) {
            case FROM_FILE, GPT2, GPT_NEOX, GEMMA -> {}
            case QWEN2 -> {
                if (tokenizer.path("decoder").path("type").asText().equals("ByteLevel")) {
                    qwen2(tokenizer, config.path("add_prefix_space").asBoolean(false));
                }
            }
            case LLAMA -> {
                // Byte-level models (DeepSeek's) name this class too.
                if (tokenizer.path("model").path("byte_fallback").asBoolean()) {
                    llama(tokenizer, config);
                }
            }
        }
    }

    private static void qwen2(ObjectNode tokenizer, boolean addPrefixSpace) {
        tokenizer.putObject("normalizer").put("type", "NFC");
        ArrayNode steps =
                tokenizer.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        ObjectNode split = steps.addObject()
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false);
        split.putObject("pattern").put("Regex", QWEN2_WORDS);
        steps.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", addPrefixSpace)
                .put("trim_offsets", true)
                .put("use_regex", false);
    }

    private static void llama(ObjectNode tokenizer, JsonNode config) {
        boolean addPrefixSpace = config.path("add_prefix_space").asBoolean(true);
        String prefixes = config.path("legacy").asBoolean(false) ? "always" : "first";
        tokenizer.putNull("normalizer");
        tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", SPACE)
                .put("prepend_scheme", addPrefixSpace ? prefixes : "never")
                .put("split", false);
        ArrayNode steps = new ObjectMapper().createArrayNode();
        ObjectNode replace = steps.addObject().put("type", "Replace").put("content", " ");
        replace.putObject("pattern").put("String", SPACE);
        steps.addObject().put("type", "ByteFallback");
        steps.addObject().put("type", "Fuse");
        if (addPrefixSpace) {
            steps.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
        tokenizer.putObject("decoder").put("type", "Sequence").set("decoders", steps);
    }
}
