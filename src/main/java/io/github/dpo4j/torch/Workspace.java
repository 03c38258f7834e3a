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

    /** A tensor of the workspace and its memory; valid until the stack is released below it. */
    public record Space(Tensor tensor, MemorySegment memory) {}

    /** How far the stack was filled. */
    public record Mark(int slab, long used, long takenBytes) {}

    private record Slab(Tensor tensor, MemorySegment memory) {}

    /** Returns a contiguous tensor with left-over contents; the handle is the innermost scope's, the memory the workspace's. */
    public Space take(ScalarType type, long... shape) {
        long bytes = type == ScalarType.BFloat16 ? 2 : 4;
        for (long size : shape) {
            bytes *= size;
        }
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
        Tensor tensor = current.tensor().narrow(0, used, bytes).view(type).view(shape);
        MemorySegment memory = current.memory().asSlice(used, bytes);
        long aligned = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
        used = Math.min(current.memory().byteSize(), used + aligned);
        takenBytes += aligned;
        peakBytes = Math.max(peakBytes, takenBytes);
        return new Space(tensor, memory);
    }

    /** A matrix larger than a slab gets one with room to grow by a quarter, so that slightly longer packs find it. */
    private static long withRoom(long bytes) {
        return bytes <= SLAB_BYTES ? SLAB_BYTES : bytes + bytes / 4;
    }

    private void free(Slab old) {
        if (home == null) {
            old.tensor().releaseReference();
        } else {
            home.detach(old.tensor());
            old.tensor().deallocate();
        }
    }

    private Slab allocate(long bytes) {
        Tensor tensor = HugePages.advise(Tensors.empty(Device.CPU, ScalarType.Byte, bytes));
        MemorySegment memory = Tensors.bytesOf(tensor);
        PointerScope inner = PointerScope.getInnerScope();
        if (inner != null && !inner.equals(home)) {
            if (home == null) {
                tensor.retainReference();
            } else {
                home.attach(tensor);
            }
            inner.detach(tensor);
        }
        return new Slab(tensor, memory);
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
