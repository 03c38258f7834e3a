package io.github.dpo4j.kernel;

import io.github.dpo4j.kernel.Sight.Block;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Moves heads between the layout of products, a row a token, and that of attention: within a block of L tokens all rows of
 * one key-value head together, [groups, L x heads / groups, headWidth], so that the heads which share keys are one matrix.
 * Rotary embedding (Su et al. 2021, arXiv 2104.09864) happens on the way.
 *
 * @param heads query heads, or key-value heads
 * @param groups key-value heads
 * @param offset column of head 0 in a token's row
 * @param stride columns from one head to the next
 */
public record Heads(int heads, int groups, int headWidth, int offset, int stride) {
    private static final int TOKENS_A_CHUNK = 16;

    /**
     * Cosines and sines of each token's angles, [T, width / 2]; feature i turns with feature i + width / 2.
     *
     * @param width features of a head that turn, even
     */
    @SuppressWarnings("ArrayRecordComponent") // bulk data; nobody compares it
    public record Rotation(float[] cos, float[] sin, int width) {}

    /** Fills {@code to} with the heads of {@code rows} plus the product's bias, rotated unless {@code rotation} is null. */
    public void split(
            Team team,
            Rows rows,
            @Nullable MemorySegment bias,
            List<Block> blocks,
            @Nullable Rotation rotation,
            Rows to) {
        float[] biases = bias == null ? new float[0] : Vectors.read(bias, rows.width());
        forTokens(team, blocks, (token, block, scratch) -> {
            float[] x = scratch.floats(0, headWidth);
            for (int head = 0; head < heads; head++) {
                int column = offset + head * stride;
                rows.load(token, column, headWidth, x);
                for (int i = 0; i < headWidth && biases.length > 0; i++) {
                    x[i] += biases[column + i];
                }
                if (rotation != null) {
                    rotate(x, rotation, token, 1);
                }
                to.write(index(block, token, head), headWidth, x);
            }
        });
    }

    /** The way back: fills the heads' columns of {@code rows}, rotated backwards unless {@code rotation} is null. */
    public void merge(Team team, Rows from, List<Block> blocks, @Nullable Rotation rotation, Rows rows) {
        forTokens(team, blocks, (token, block, scratch) -> {
            float[] x = scratch.floats(0, headWidth);
            for (int head = 0; head < heads; head++) {
                from.read(index(block, token, head), headWidth, x);
                if (rotation != null) {
                    rotate(x, rotation, token, -1);
                }
                rows.store(token, offset + head * stride, headWidth, x);
            }
        });
    }

    /** Fills {@code sums}, float32 by head as {@link #split} lays them out, with each head's dot product of a and b [T, heads x headWidth]. */
    public void dots(Team team, Rows a, Rows b, List<Block> blocks, Rows sums) {
        forTokens(team, blocks, (token, block, scratch) -> {
            float[] x = scratch.floats(0, headWidth);
            float[] y = scratch.floats(1, headWidth);
            float[] sum = scratch.floats(2, 1);
            for (int head = 0; head < heads; head++) {
                a.load(token, head * headWidth, headWidth, x);
                b.load(token, head * headWidth, headWidth, y);
                sum[0] = Vectors.dot(x, y, headWidth);
                sums.write(index(block, token, head) / headWidth, 1, sum);
            }
        });
    }

    /** Returns where a token's head begins. */
    private long index(Block block, int token, int head) {
        int members = heads / groups;
        long group = head / members;
        long row = group * block.length() * members + (long) (token - block.start()) * members + head % members;
        return ((long) block.start() * heads + row) * headWidth;
    }

    private interface Token {
        void handle(int token, Block block, Scratch scratch);
    }

    private static void forTokens(Team team, List<Block> blocks, Token body) {
        int tokens = blocks.getLast().start() + blocks.getLast().length();
        team.runRows(tokens, TOKENS_A_CHUNK, (from, to, scratch) -> {
            int number = 0;
            for (int token = from; token < to; token++) {
                while (blocks.get(number).start() + blocks.get(number).length() <= token) {
                    number++;
                }
                body.handle(token, blocks.get(number), scratch);
            }
        });
    }

    private static void rotate(float[] x, Rotation rotation, int token, int direction) {
        int half = rotation.width() / 2;
        int at = token * half;
        int i = 0;
        for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
            FloatVector cos = FloatVector.fromArray(Lanes.F, rotation.cos(), at + i);
            FloatVector sin =
                    FloatVector.fromArray(Lanes.F, rotation.sin(), at + i).mul(direction);
            FloatVector first = FloatVector.fromArray(Lanes.F, x, i);
            FloatVector second = FloatVector.fromArray(Lanes.F, x, half + i);
            first.mul(cos).sub(second.mul(sin)).intoArray(x, i);
            second.mul(cos).add(first.mul(sin)).intoArray(x, half + i);
        }
        for (; i < half; i++) {
            float cos = rotation.cos()[at + i];
            float sin = rotation.sin()[at + i] * direction;
            float first = x[i];
            float second = x[half + i];
            x[i] = first * cos - second * sin;
            x[half + i] = second * cos + first * sin;
        }
    }
}
