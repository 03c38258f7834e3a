package io.github.dpo4j.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The Python class that transformers 5 loads a folder's tokenizer with. Some do not take tokenizer.json as it stands but keep
 * only its vocabulary and merges and rebuild the rest, which shows in the ids: a digit splitter that the file names is
 * forgotten, for instance. They are followed here, so that ids are what transformers and TRL train on. Not followed is a class
 * that does not fit the file (DeepSeek's byte-level files name LlamaTokenizer).
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
            // Model types whose class transformers 5.17 takes from the file, whatever tokenizer_config.json says.
            case "mistral", "mixtral", "granite", "granitemoe", "granitemoehybrid", "granitemoeshared" -> FROM_FILE;
            case "phi3", "phi3_v", "phimoe", "olmo2", "olmo3", "olmo_hybrid", "flex_olmo", "stablelm" -> FROM_FILE;
            case "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "deepseek_vl", "deepseek_vl_v2" ->
                FROM_FILE;
            case "gpt_bigcode", "glm", "glm4", "glm4_moe", "glm4_moe_lite", "persimmon", "kimi_linear", "kimi_k25" ->
                FROM_FILE;
            case "nemotron", "hyperclovax", "ernie4_5", "ernie4_5_moe", "internlm2", "minicpm3", "jamba" -> FROM_FILE;
            case "modernbert", "minimax_m2", "arctic", "chatlm", "chameleon", "fuyu", "h2ovl_chat", "llava" ->
                FROM_FILE;
            case "llava_next", "molmo", "molmo2", "step3p5", "opencua", "mimo_v2_flash", "umt5" -> FROM_FILE;
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
            case GEMMA ->
                new SpecialTokens("<bos>", "<eos>", "<pad>", "<unk>", Map.of("mask_token", "<mask>"), List.of());
            case LLAMA -> new SpecialTokens("<s>", "</s>", null, "<unk>");
            case QWEN2 -> new SpecialTokens(null, endOfText, endOfText, endOfText);
        };
    }

    /** Changes a tokenizer.json to what the class makes of it; returns whether it does not leave it as it stands. */
    boolean rebuild(ObjectNode tokenizer, JsonNode config) {
        if (!(tokenizer.path("model") instanceof ObjectNode model) || !isBpe(model)) {
            return false;
        }
        boolean byteLevel = tokenizer.path("decoder").path("type").asText().equals("ByteLevel");
        boolean byteFallback = model.path("byte_fallback").asBoolean();
        boolean addPrefixSpace = config.path("add_prefix_space").asBoolean(this == LLAMA);
        boolean fits = switch (this) {
            case FROM_FILE -> false;
            case GPT2, GPT_NEOX, QWEN2 -> byteLevel;
            case GEMMA, LLAMA -> byteFallback;
        };
        if (!fits) {
            return false;
        }
        JsonNode unknown = config.path("unk_token");
        model.putNull("dropout").putNull("unk_token");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", byteFallback).put("byte_fallback", byteFallback).put("ignore_merges", false);
        switch (this) {
            case FROM_FILE -> {}
            case GPT2 -> {
                tokenizer.putNull("normalizer");
                tokenizer.set("pre_tokenizer", byteLevel(addPrefixSpace, true));
            }
            case GPT_NEOX -> {
                tokenizer.putObject("normalizer").put("type", "NFC");
                tokenizer.set("pre_tokenizer", byteLevel(addPrefixSpace, true));
                tokenizer.putNull("post_processor");
            }
            case GEMMA -> {
                model.put("unk_token", text(unknown, "<unk>"));
                gemma(tokenizer);
            }
            case QWEN2 -> qwen2(tokenizer, addPrefixSpace);
            case LLAMA -> llama(tokenizer, config, addPrefixSpace);
        }
        return true;
    }

    /** Old files do not name the model's type; then it shows in the merges. */
    private static boolean isBpe(JsonNode model) {
        return model.path("type").asText("BPE").equals("BPE")
                && model.path("merges").isArray();
    }

    private static String text(JsonNode token, String otherwise) {
        JsonNode content = token.isObject() ? token.path("content") : token;
        return content.asText(otherwise);
    }

    private static ObjectNode byteLevel(boolean addPrefixSpace, boolean useRegex) {
        return new ObjectMapper()
                .createObjectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", addPrefixSpace)
                .put("trim_offsets", true)
                .put("use_regex", useRegex);
    }

    private static void gemma(ObjectNode tokenizer) {
        ObjectNode replace =
                tokenizer.putObject("normalizer").put("type", "Replace").put("content", SPACE);
        replace.putObject("pattern").put("String", " ");
        ObjectNode split = tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Split")
                .put("behavior", "MergedWithPrevious")
                .put("invert", false);
        split.putObject("pattern").put("String", " ");
        tokenizer.putObject("decoder").put("type", "Sequence").set("decoders", pieces());
    }

    /** What joins sentencepiece's pieces. */
    private static ArrayNode pieces() {
        ArrayNode steps = new ObjectMapper().createArrayNode();
        ObjectNode replace = steps.addObject().put("type", "Replace").put("content", " ");
        replace.putObject("pattern").put("String", SPACE);
        steps.addObject().put("type", "ByteFallback");
        steps.addObject().put("type", "Fuse");
        return steps;
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
        steps.add(byteLevel(addPrefixSpace, false));
    }

    private static void llama(ObjectNode tokenizer, JsonNode config, boolean addPrefixSpace) {
        String prefixes = config.path("legacy").asBoolean(false) ? "always" : "first";
        tokenizer.putNull("normalizer");
        tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", SPACE)
                .put("prepend_scheme", addPrefixSpace ? prefixes : "never")
                .put("split", false);
        ArrayNode steps = pieces();
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
