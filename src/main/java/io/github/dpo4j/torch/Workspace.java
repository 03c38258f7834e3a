package io.github.dpo4j.torch;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A stack of CPU memory for tensors that come and go in order: activations of a pass, scratch of a layer. Its memory is kept
 * from step to step, so the kernel hands out no new pages, and belongs to the scope that the workspace was made in.
 */
public final class Workspace {
    private static final long SLAB_BYTES = 32L << 20;
    private static final long ALIGNMENT = 64;

    /** Before anything is taken. */
    public static final Mark EMPTY = new Mark(0, 0, 0);

    private final @Nullable PointerScope home;
    private final List<Slab> slabs = new ArrayList<>();
    private int slab;
    private long used;
    private long takenBytes;
    private long peakBytes;

    public Workspace() {
        NativeLibrary.load();
        PointerScope innermost = PointerScope.getInnerScope();
        this.home = innermost;
    }

    /**
     * Numbers of the workspace; valid until the stack is released below them.
     *
     * @param slab a vector of the numbers' type, of which they are some
     * @param first where they begin in the slab
     */
    public record Space(Tensor slab, long first, MemorySegment memory) {
        /** Returns {@code rows} of {@code width} from the number {@code from} on; the handle is the innermost scope's. */
        public Tensor matrix(long from, long rows, long width) {
            return slab.narrow(0, first + from, rows * width).view(rows, width);
        }
    }

    /** How far the stack was filled. */
    public record Mark(int slab, long used, long takenBytes) {}

    /** A slab's bytes as numbers of either type. */
    private record Slab(Tensor full, Tensor half, MemorySegment memory) {
        List<Tensor> tensors() {
            return List.of(full, half);
        }
    }

    /** Takes {@code count} numbers with left-over contents, float32 or bfloat16. */
    public Space take(ScalarType type, long count) {
        boolean half = type == ScalarType.BFloat16;
        int element = half ? Short.BYTES : Float.BYTES;
        long bytes = count * element;
        if (slab < slabs.size() && used + bytes > slabs.get(slab).memory().byteSize()) {
            // An empty slab that is too small makes room for a larger one; after one in use the next begins.
            if (used > 0) {
                slab++;
                used = 0;
            }
            if (slab < slabs.size() && bytes > slabs.get(slab).memory().byteSize()) {
                free(slabs.get(slab));
                slabs.set(slab, allocate(withRoom(bytes)));
            }
        }
        if (slab == slabs.size()) {
            slabs.add(allocate(withRoom(bytes)));
        }
        Slab current = slabs.get(slab);
        Space space = new Space(
                half ? current.half() : current.full(),
                used / element,
                current.memory().asSlice(used, bytes));
        long aligned = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
        used = Math.min(current.memory().byteSize(), used + aligned);
        takenBytes += aligned;
        peakBytes = Math.max(peakBytes, takenBytes);
        return space;
    }

    /** A matrix larger than a slab gets one with room to grow by a quarter, so that slightly longer packs find it. */
    private static long withRoom(long bytes) {
        return bytes <= SLAB_BYTES ? SLAB_BYTES : Math.ceilDiv(bytes + bytes / 4, ALIGNMENT) * ALIGNMENT;
    }

    private void free(Slab old) {
        for (Tensor tensor : old.tensors()) {
            if (home == null) {
                tensor.releaseReference();
            } else {
                home.detach(tensor);
                tensor.deallocate();
            }
        }
    }

    private Slab allocate(long bytes) {
        Tensor full = HugePages.advise(Tensors.empty(Device.CPU, ScalarType.Float, bytes / Float.BYTES));
        Slab slab = new Slab(full, full.view(ScalarType.BFloat16), Tensors.bytesOf(full));
        slab.tensors().forEach(this::adopt);
        return slab;
    }

    private void adopt(Tensor tensor) {
        PointerScope inner = PointerScope.getInnerScope();
        if (inner != null && !inner.equals(home)) {
            if (home == null) {
                tensor.retainReference();
            } else {
                home.attach(tensor);
            }
            inner.detach(tensor);
        }
    }

    public Mark mark() {
        return new Mark(slab, used, takenBytes);
    }

    /** Gives back everything taken since the mark. */
    public void release(Mark mark) {
        slab = mark.slab();
        used = mark.used();
        takenBytes = mark.takenBytes();
    }

    /** Returns the bytes of all slabs. */
    public long slabBytes() {
        return slabs.stream().mapToLong(slab -> slab.memory().byteSize()).sum();
    }

    /** Returns the most bytes that were ever taken at a time. */
    public long peakBytes() {
        return peakBytes;
    }
}
