package io.github.dpo4j.model.fused;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dpo4j.golden.Golden;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import io.github.dpo4j.torch.Workspace;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against one product of float32: weights of several tiles, in both directions and with odd rests. */
class WeightGradientsTest {
    private static final int TOKENS = 40;

    private static Matrix random(Workspace workspace, ScalarType type, int width, Random random) {
        Matrix matrix = Matrix.take(workspace, type, TOKENS, width);
        float[] values = new float[TOKENS * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        matrix.tensor().copy_(Tensors.ofFloats(values, Device.CPU).view(TOKENS, width));
        return matrix;
    }

    @ParameterizedTest
    @CsvSource({
        "Float,401,3100,false,true",
        "Float,401,3100,true,false",
        "BFloat16,401,3100,false,true",
        "BFloat16,401,3100,false,false",
        "BFloat16,3100,401,true,false",
        "BFloat16,800,576,false,true",
        "BFloat16,139,2816,false,true"
    })
    void tilesAreTheProduct(ScalarType type, int outputs, int inputs, boolean transposed, boolean overwrite) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Workspace workspace = new Workspace();
            Random random = new Random(3);
            Matrix dy = random(workspace, type, outputs, random);
            Matrix x = random(workspace, type, inputs, random);
            Tensor weight = transposed
                    ? Tensors.zeros(Device.CPU, type, inputs, outputs)
                    : Tensors.zeros(Device.CPU, type, outputs, inputs);
            Tensor gradient = Tensors.full(Device.CPU, ScalarType.Float, 2, Tensors.shape(weight));
            Tensor outIn = transposed ? weight.t() : weight;
            Product product = new Product(outIn, outIn.t(), gradient, transposed, null, null, null);
            WeightGradients gradients = new WeightGradients(workspace, type, overwrite);
            gradients.add(product, dy, x);
            gradients.run(FusedDecoder.team());

            Tensor left = dy.tensor().to(ScalarType.Float);
            Tensor right = x.tensor().to(ScalarType.Float);
            Tensor expected = transposed ? right.t().mm(left) : left.t().mm(right);
            double[] actual = Tensors.toDoubles(gradient);
            double before = overwrite ? 0 : 2;
            double[] wanted = Tensors.toDoubles(expected.contiguous());
            for (int i = 0; i < wanted.length; i++) {
                wanted[i] += before;
            }
            // Sums of 40 numbers, about 30 at most, rounded once to 8 bits in bfloat16.
            assertThat(Golden.farthest(actual, wanted)).isLessThan(type == ScalarType.Float ? 2e-5 : 0.13);
        }
    }
}
