package io.github.dpo4j.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.BitSet;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Sentencepiece's table of normalizations: the bytes of a double-array trie, then the texts that its leaves point into. The native
 * library follows the trie without looking where its array ends, so every step that a text could make is tried here.
 */
final class PrecompiledCharsMap {
    private static final String DEFECT = "has a precompiled_charsmap that is damaged";

    private final int[] trie;
    private final byte[] texts;

    private PrecompiledCharsMap(int[] trie, byte[] texts) {
        this.trie = trie;
        this.texts = texts;
    }

    /** Returns what is wrong with a table in base64; null where nothing is. */
    static @Nullable String defect(String base64) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            return DEFECT;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int size = bytes.length < Integer.BYTES ? -1 : buffer.getInt();
        if (size < Integer.BYTES || size % Integer.BYTES != 0 || size > buffer.remaining()) {
            return DEFECT;
        }
        int[] trie = new int[size / Integer.BYTES];
        buffer.asIntBuffer().get(trie);
        byte[] texts = new byte[buffer.remaining() - size];
        buffer.position(buffer.position() + size).get(texts);
        return new PrecompiledCharsMap(trie, texts).isSound() ? null : DEFECT;
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 1 << 9) >> 6);
    }

    private boolean isSound() {
        BitSet seen = new BitSet(trie.length);
        Deque<Integer> nodes = new ArrayDeque<>();
        nodes.add(offset(trie[0]));
        while (!nodes.isEmpty()) {
            int node = nodes.removeFirst();
            for (int label = 1; label < 256; label++) {
                int child = node ^ label;
                if (child < 0 || child >= trie.length) {
                    return false;
                }
                int unit = trie[child];
                if ((unit & (1 << 31 | 0xFF)) != label) {
                    continue;
                }
                int next = child ^ offset(unit);
                boolean leaf = (unit >>> 8 & 1) == 1;
                if (next < 0 || next >= trie.length || (leaf && !startsText(trie[next] & Integer.MAX_VALUE))) {
                    return false;
                }
                if (!seen.get(next)) {
                    seen.set(next);
                    nodes.add(next);
                }
            }
        }
        return true;
    }

    /** Whether a character starts at this byte of the texts. */
    private boolean startsText(int at) {
        return at <= texts.length && (at == texts.length || (texts[at] & 0xC0) != 0x80);
    }
}
