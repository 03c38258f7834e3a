package io.github.dpo4j.recipe;

import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.Device;
import io.github.dpo4j.torch.HugePages;
import io.github.dpo4j.torch.NoGrad;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.torch.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The fastest matrix products that this machine has shown: the best time of each shape over all rounds. A shared machine is
 * slower at one time than at another, so there is a round before the steps that are compared with it and one after.
 */
public final class GemmPeaks {
    private static final int LEAST_RUNS = 3;
    private static final long SECONDS_NANOS = 300_000_000;

    private final Device device;
    private final List<ComputeType> types;
    private final List<Shape> shapes;
    private final Map<Product, Double> best = new LinkedHashMap<>();

    /** [rows, inner] x [inner, columns]. */
    public record Shape(int rows, int inner, int columns) {
        static Shape square(int size) {
            return new Shape(size, size, size);
        }

        public double flops() {
            return 2.0 * rows * inner * columns;
        }
    }

    private record Product(ComputeType type, Shape shape) {}

    /** The best of a shape in one type; libtorch's product into memory that is there. */
    public record Peak(ComputeType type, Shape shape, double seconds) {
        public double flopsPerSecond() {
            return shape.flops() / seconds;
        }
    }

    GemmPeaks(Device device, List<ComputeType> types, List<Shape> shapes) {
        this.device = device;
        this.types = types;
        this.shapes = shapes;
    }

    /** Measures every shape in every type once more. */
    void round() {
        for (Shape shape : shapes) {
            for (ComputeType type : types) {
                best.merge(new Product(type, shape), measure(type, shape), Math::min);
            }
        }
    }

    private double measure(ComputeType type, Shape shape) {
        try (TensorScope _ = new TensorScope();
                NoGrad _ = new NoGrad()) {
            Tensor left = random(type, shape.rows(), shape.inner());
            Tensor right = random(type, shape.inner(), shape.columns());
            Tensor out = random(type, shape.rows(), shape.columns());
            torch.mm_out(out, left, right); // the library picks and prepares its kernel
            device.await();
            long fastest = Long.MAX_VALUE;
            long begin = System.nanoTime();
            for (int run = 0; run < LEAST_RUNS || System.nanoTime() - begin < SECONDS_NANOS; run++) {
                long start = System.nanoTime();
                torch.mm_out(out, left, right);
                device.await();
                fastest = Math.min(fastest, System.nanoTime() - start);
            }
            return fastest / 1e9;
        }
    }

    private Tensor random(ComputeType type, int rows, int columns) {
        SplittableRandom random = new SplittableRandom(rows);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        Tensor tensor = HugePages.advise(Tensors.empty(device, type.scalarType(), rows, columns));
        return tensor.copy_(Tensors.ofFloats(values, device).view(rows, columns));
    }

    /** Returns the best of all rounds, by shape, then by type. */
    List<Peak> peaks() {
        List<Peak> peaks = new ArrayList<>();
        best.forEach((product, seconds) -> peaks.add(new Peak(product.type(), product.shape(), seconds)));
        return peaks;
    }
}
