package io.github.dpo4j.kernel;

import io.github.dpo4j.kernel.Norms.Norm;
import io.github.dpo4j.kernel.Sight.Block;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Moves heads between the layout of products, a row a token, and that of attention: within a block of L tokens all rows of
 * one key-value head together, [groups, L x heads / groups, headWidth], so that the heads which share keys are one matrix.
 * Attention gives a block {@link Block#room} rather than L; the rows beyond its length are zero.
 * Rotary embedding (Su et al. 2021, arXiv 2104.09864) happens on the way.
 *
 * @param heads query heads, or key-value heads
 * @param groups key-value heads
 * @param offset column of head 0 in a token's row
 * @param stride columns from one head to the next
 */
public record Heads(int heads, int groups, int headWidth, int offset, int stride) {
    /**
     * Cosines and sines of each token's angles, [T, width / 2]; feature i turns with feature i + width / 2.
     *
     * @param width features of a head that turn, even
     */
    @SuppressWarnings("ArrayRecordComponent") // bulk data; nobody compares it
    public record Rotation(float[] cos, float[] sin, int width) {}

    /**
     * What happens to each head on the way; either may be null.
     *
     * @param norm an RMSNorm over the head, before it turns
     */
    public record Way(@Nullable Norm norm, @Nullable Rotation rotation) {
        public static final Way STRAIGHT = new Way(null, null);
    }

    /** Fills {@code to} with the heads of {@code rows} plus the product's bias. */
    public void split(Part part, Rows rows, @Nullable MemorySegment bias, List<Block> blocks, Way way, Rows to) {
        float[] biases = bias == null ? new float[0] : Vectors.read(bias, rows.width());
        Norm norm = way.norm();
        Rotation rotation = way.rotation();
        float[] gain = norm == null ? new float[0] : norm.gain(headWidth);
        float[] x = part.scratch().floats(0, headWidth);
        forTokens(part, blocks, (token, block) -> {
            for (int head = 0; head < heads; head++) {
                load(rows, biases, token, offset + head * stride, x);
                if (norm != null) {
                    Norms.normalize(x, headWidth, norm.centred(), norm.epsilon());
                    Vectors.multiply(x, gain, headWidth);
                }
                if (rotation != null) {
                    rotate(x, rotation, token, 1);
                }
                to.write(index(block, token, head), headWidth, x);
            }
            if (token == block.start() + block.length() - 1) {
                clearBeyond(block, to);
            }
        });
    }

    private void load(Rows rows, float[] biases, int token, int column, float[] x) {
        rows.load(token, column, headWidth, x);
        for (int i = 0; i < headWidth && biases.length > 0; i++) {
            x[i] += biases[column + i];
        }
    }

    /**
     * The way back through a norm: fills the heads' columns of {@code rows} with gradients. They hold what {@link #split} was
     * given until then.
     *
     * @param sums of the gradients of the norm's weights, [headWidth]
     */
    public void merge(
            Part part,
            Rows from,
            @Nullable MemorySegment bias,
            List<Block> blocks,
            Way way,
            Rows rows,
            Norms.Sums sums) {
        float[] biases = bias == null ? new float[0] : Vectors.read(bias, rows.width());
        Norm norm = Objects.requireNonNull(way.norm());
        Rotation rotation = way.rotation();
        float[] gain = norm.gain(headWidth);
        float[] g = part.scratch().floats(0, headWidth);
        float[] x = part.scratch().floats(1, headWidth);
        float[] dx = part.scratch().floats(2, headWidth);
        forTokens(part, blocks, (token, block) -> {
            for (int head = 0; head < heads; head++) {
                int column = offset + head * stride;
                from.read(index(block, token, head), headWidth, g);
                if (rotation != null) {
                    rotate(g, rotation, token, -1);
                }
                load(rows, biases, token, column, x);
                float inverse = Norms.normalize(x, headWidth, norm.centred(), norm.epsilon());
                Arrays.fill(dx, 0, headWidth, 0);
                Norms.backward(token, g, x, gain, norm.centred(), inverse, dx, headWidth, sums);
                rows.store(token, column, headWidth, dx);
            }
        });
    }

    /** The way back: fills the heads' columns of {@code rows}, rotated backwards unless {@code rotation} is null. */
    public void merge(Part part, Rows from, List<Block> blocks, @Nullable Rotation rotation, Rows rows) {
        float[] x = part.scratch().floats(0, headWidth);
        forTokens(part, blocks, (token, block) -> {
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
    public void dots(Part part, Rows a, Rows b, List<Block> blocks, Rows sums) {
        float[] x = part.scratch().floats(0, headWidth);
        float[] y = part.scratch().floats(1, headWidth);
        float[] sum = part.scratch().floats(2, 1);
        forTokens(part, blocks, (token, block) -> {
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
        long row = group * block.room() * members + (long) (token - block.start()) * members + head % members;
        return ((long) block.at() * heads + row) * headWidth;
    }

    private void clearBeyond(Block block, Rows to) {
        int members = heads / groups;
        long beyond = (long) (block.room() - block.length()) * members * headWidth;
        for (int group = 1; group <= groups; group++) {
            long end = ((long) block.at() * heads + (long) group * block.room() * members) * headWidth;
            to.zero(end - beyond, beyond);
        }
    }

    private interface Token {
        void handle(int token, Block block);
    }

    private static void forTokens(Part part, List<Block> blocks, Token body) {
        int number = 0;
        for (int token = part.from(); token < part.to(); token++) {
            while (blocks.get(number).start() + blocks.get(number).length() <= token) {
                number++;
            }
            body.handle(token, blocks.get(number));
        }
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
