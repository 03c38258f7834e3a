package io.github.dpo4j.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.github.dpo4j.UserError;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A model folder's tokenizer.json, giving the ids that transformers' AutoTokenizer gives. It never truncates or pads, whatever
 * the file asks for, and add_bos_token and add_eos_token of tokenizer_config.json change nothing: beside a tokenizer.json
 * transformers ignores them too. Encoding and decoding are safe from several threads; closing is not.
 */
public final class Tokenizer implements AutoCloseable {
    static {
        // DJL would otherwise look for newer natives and report its use over the network.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
    }

    /** Bounds the natives that are alive at once; more texts a call gain no speed. */
    private static final int TEXTS_PER_CALL = 256;

    /** In longer ones the search for words may run into a limit on which the native library ends the process. */
    private static final int MOST_CHARACTERS = 8_000_000;

    private final Path folder;
    private final HuggingFaceTokenizer natives;
    private final SpecialTokens specialTokens;
    private final OptionalInt bosId;
    private final OptionalInt eosId;
    private final OptionalInt padId;
    private final int vocabularySize;

    private Tokenizer(Path folder, HuggingFaceTokenizer natives, SpecialTokens specialTokens, TokenizerJson json) {
        this.folder = folder;
        this.natives = natives;
        this.specialTokens = specialTokens;
        bosId = id(json, specialTokens.bos());
        eosId = id(json, specialTokens.eos());
        padId = id(json, specialTokens.pad());
        vocabularySize = json.vocabularySize();
    }

    /** Loads the tokenizer of a model folder; a missing or broken file is a {@link UserError}. */
    public static Tokenizer of(Path folder) {
        SpecialTokens specialTokens = SpecialTokens.in(folder);
        TokenizerJson json = TokenizerJson.in(folder, specialTokens);
        try {
            HuggingFaceTokenizer natives = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json.toString().getBytes(StandardCharsets.UTF_8)),
                    Map.of("truncation", "false", "padding", "false"));
            return new Tokenizer(folder, natives, specialTokens, json);
        } catch (IOException | RuntimeException e) {
            throw new UserError(
                    folder.resolve("tokenizer.json") + ": not a tokenizer that can be loaded (" + e.getMessage() + ")",
                    e);
        }
    }

    private static OptionalInt id(TokenizerJson json, @Nullable String token) {
        Integer id = token == null ? null : json.id(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** The ids with the special tokens that the tokenizer adds by itself (a BOS, for instance). */
    public int[] encode(String text) {
        return encode(text, true);
    }

    /** The ids of the text alone; special tokens that are written in it become their ids. For rendered conversations. */
    public int[] encodeRaw(String text) {
        return encode(text, false);
    }

    private int[] encode(String text, boolean addSpecialTokens) {
        try {
            return ids(natives.encode(encodable(text), addSpecialTokens, false));
        } catch (RuntimeException e) {
            throw unable("encode a text", e);
        }
    }

    /** Says that the loaded file is at fault, such as one without a token for what it does not know. */
    private UserError unable(String what, RuntimeException e) {
        return e instanceof UserError already
                ? already
                : new UserError(folder.resolve("tokenizer.json") + ": cannot " + what + " (" + e.getMessage() + ")", e);
    }

    /** {@link #encode} of each text, several at a time on all cores. */
    public List<int[]> encodeAll(List<String> texts) {
        return encodeAll(texts, true);
    }

    /** {@link #encodeRaw} of each text, several at a time on all cores. */
    public List<int[]> encodeAllRaw(List<String> texts) {
        return encodeAll(texts, false);
    }

    private List<int[]> encodeAll(List<String> texts, boolean addSpecialTokens) {
        List<int[]> all = new ArrayList<>(texts.size());
        for (int start = 0; start < texts.size(); start += TEXTS_PER_CALL) {
            List<String> some = texts.subList(start, Math.min(texts.size(), start + TEXTS_PER_CALL)).stream()
                    .map(Tokenizer::encodable)
                    .toList();
            try {
                for (Encoding encoding : natives.batchEncode(some, addSpecialTokens, false)) {
                    all.add(ids(encoding));
                }
            } catch (RuntimeException e) {
                throw unable("encode a text", e);
            }
        }
        return all;
    }

    /** The text of the ids, spaces as the tokenizer's decoder leaves them (no clean-up). */
    public String decode(int[] ids, boolean skipSpecialTokens) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        try {
            return natives.decode(wide, skipSpecialTokens);
        } catch (RuntimeException e) {
            throw unable("decode ids", e);
        }
    }

    /** One more than the largest id, added tokens included: the rows that an embedding needs at least. */
    public int vocabularySize() {
        return vocabularySize;
    }

    public SpecialTokens specialTokens() {
        return specialTokens;
    }

    /** Empty where the folder names no BOS, or one that the tokenizer does not know; likewise the others. */
    public OptionalInt bosId() {
        return bosId;
    }

    public OptionalInt eosId() {
        return eosId;
    }

    public OptionalInt padId() {
        return padId;
    }

    /** The EOS as text, which training appends to completions; a {@link UserError} where the folder has none. */
    public String requireEos() {
        String eos = specialTokens.eos();
        if (eos == null || eosId.isEmpty()) {
            throw new UserError(folder.resolve("tokenizer_config.json") + ": "
                    + (eos == null ? "no eos_token is named" : "the tokenizer does not know the eos_token " + eos)
                    + ", but training ends completions with it");
        }
        return eos;
    }

    /** The model folder it was loaded from. */
    public Path folder() {
        return folder;
    }

    @Override
    public void close() {
        natives.close();
    }

    private static int[] ids(Encoding encoding) {
        long[] wide = encoding.getIds();
        int[] ids = new int[wide.length];
        for (int i = 0; i < wide.length; i++) {
            ids[i] = Math.toIntExact(wide[i]);
        }
        return ids;
    }

    /** JSON may escape half a surrogate pair, which no UTF-8 can hold: such halves become U+FFFD. */
    private static String encodable(String text) {
        if (text.length() > MOST_CHARACTERS) {
            throw new UserError("a text of " + text.length() + " characters is too long for the tokenizer; it takes "
                    + MOST_CHARACTERS + " at most");
        }
        StringBuilder mended = null;
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            if (Character.isHighSurrogate(unit)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(unit)) {
                mended = mended == null ? new StringBuilder(text) : mended;
                mended.setCharAt(i, '\uFFFD');
            }
        }
        return mended == null ? text : mended.toString();
    }
}
