package io.github.dpo4j.model.fused;

import io.github.dpo4j.kernel.Chance;
import io.github.dpo4j.kernel.Columns;
import io.github.dpo4j.kernel.Part;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A product in one pass: with its adapter, and what that keeps for its backward. T tokens. */
final class Applied {
    private final Product product;
    private final @Nullable Low low;

    private Applied(Product product, @Nullable Low low) {
        this.product = product;
        this.low = low;
    }

    static Applied of(PassContext pass, Product product) {
        Adaptation adaptation = product.adaptation();
        return new Applied(product, adaptation == null ? null : new Low(pass, product, adaptation));
    }

    /** Fills the part's rows of y. */
    void forward(Part part, Matrix x, Matrix y) {
        product.forward(part, x, y);
        if (low != null) {
            low.forward(part, x, y);
        }
    }

    /** Takes memory for what backward makes; it is read until the weights' gradients are made. */
    void beginBackward() {
        if (low != null) {
            low.beginBackward();
        }
    }

    /** Fills dx, or adds to it, in the part's rows. */
    void inputGradient(Part part, Matrix dy, Matrix dx, boolean add) {
        if (low == null) {
            product.inputGradient(part, dy, dx, add);
            return;
        }
        Matrix ofSum = low.ofSum(part, dy);
        product.inputGradient(part, ofSum, dx, add);
        low.inputGradient(part, ofSum, dx);
    }

    /** Adds the gradients of the weights to what is to be made. */
    void addWeights(WeightGradients weights, Matrix dy, Matrix x) {
        if (low == null) {
            weights.add(product, dy, x);
        } else {
            low.addWeights(weights, dy, x);
        }
    }

    /** The adapter's part. */
    private static final class Low {
        private final PassContext pass;
        private final Adaptation adaptation;
        private final int inputs;
        private final OptionalLong chance;
        /** s A x, [T, rank]. */
        private final Matrix reduced;
        /** x without what falls out, in forward's scratch. */
        private final @Nullable Matrix seen;
        /** What the rows' lengths are multiplied with, [out]; empty without such. */
        private final float[] factors;
        /** What they are multiplied with it, [T, out]. */
        private final @Nullable Matrix sum;

        private @Nullable Matrix reducedGradient;
        private @Nullable Matrix sumGradient;
        private @Nullable Matrix dropped;
        private Columns.@Nullable Sums lengthSums;

        Low(PassContext pass, Product product, Adaptation adaptation) {
            this.pass = pass;
            this.adaptation = adaptation;
            this.inputs = product.inputs();
            this.chance = adaptation.dropout().seed();
            this.reduced = pass.take(pass.saved, adaptation.rank());
            this.seen = chance.isPresent() ? pass.take(pass.scratch, inputs) : null;
            Lengths lengths = adaptation.lengths();
            this.factors = lengths == null ? new float[0] : lengths.factors(pass.team());
            this.sum = lengths == null ? null : pass.take(pass.saved, product.outputs());
        }

        void forward(Part part, Matrix x, Matrix y) {
            Matrix in = x;
            if (seen != null) {
                drop(part, x, seen, false);
                in = seen;
            }
            Gemm.multiply(
                    reduced.part(part),
                    in.part(part),
                    Gemm.as(adaptation.a(), pass.model.type).t(),
                    false,
                    adaptation.scale());
            Gemm.multiply(
                    y.part(part),
                    reduced.part(part),
                    Gemm.as(adaptation.b(), pass.model.type).t(),
                    true);
            if (sum != null) {
                Columns.scale(pass.tokensOf(part), y.rows(), factors, sum.rows(), y.rows());
            }
        }

        private void drop(Part part, Matrix from, Matrix to, boolean add) {
            Chance.drop(
                    pass.tokensOf(part),
                    from.rows(),
                    chance.orElseThrow(),
                    adaptation.dropout().share(),
                    to.rows(),
                    add);
        }

        void beginBackward() {
            reducedGradient = pass.take(pass.scratch, adaptation.rank());
            if (chance.isPresent()) {
                dropped = pass.take(pass.scratch, inputs);
            }
            if (sum != null) {
                sumGradient = pass.take(pass.scratch, sum.width());
                lengthSums = new Columns.Sums(pass.size, sum.width());
            }
        }

        /** Returns the gradient of W x + s B A x, given that of what rows' lengths made of it. */
        Matrix ofSum(Part part, Matrix dy) {
            if (sum == null || sumGradient == null || lengthSums == null) {
                return dy;
            }
            Part rows = pass.tokensOf(part);
            lengthSums.add(rows, dy.rows(), sum.rows());
            Columns.scale(rows, dy.rows(), factors, null, sumGradient.rows());
            return sumGradient;
        }

        void inputGradient(Part part, Matrix dy, Matrix dx) {
            Matrix low = Objects.requireNonNull(reducedGradient);
            Gemm.multiply(
                    low.part(part), dy.part(part), Gemm.as(adaptation.b(), pass.model.type), false, adaptation.scale());
            if (dropped == null) {
                Gemm.multiply(dx.part(part), low.part(part), Gemm.as(adaptation.a(), pass.model.type), true);
            } else {
                Gemm.multiply(dropped.part(part), low.part(part), Gemm.as(adaptation.a(), pass.model.type), false);
                drop(part, dropped, dx, true);
            }
        }

        void addWeights(WeightGradients weights, Matrix dy, Matrix x) {
            Matrix in = x;
            Matrix again = dropped;
            if (again != null) {
                pass.parts(part -> drop(part, x, again, false));
                in = again;
            }
            if (adaptation.aGradient() != null) {
                weights.add(adaptation.aGradient(), Objects.requireNonNull(reducedGradient), in);
            }
            if (adaptation.bGradient() != null) {
                weights.add(adaptation.bGradient(), sumGradient == null ? dy : sumGradient, reduced);
            }
            Lengths lengths = adaptation.lengths();
            if (lengths != null && lengthSums != null) {
                lengths.addGradient(lengthSums, pass.overwrites());
            }
        }
    }
}
