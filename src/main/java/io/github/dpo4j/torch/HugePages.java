package io.github.dpo4j.torch;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** Asks Linux for 2 MiB pages behind large buffers: fewer page faults at first touch, fewer misses of the address cache after. */
public final class HugePages {
    private static final long PAGE_BYTES = 2L << 20;
    private static final int MADV_HUGEPAGE = 14;
    private static final Optional<MethodHandle> MADVISE = find();

    private HugePages() {}

    /** Advises the kernel before the first touch of a fresh CPU buffer; it may do as it likes, so nothing can fail. */
    public static Tensor advise(Tensor fresh) {
        if (MADVISE.isPresent() && !fresh.is_cuda()) {
            advise(Tensors.bytesOf(fresh));
        }
        return fresh;
    }

    private static void advise(MemorySegment memory) {
        long from = Math.ceilDiv(memory.address(), PAGE_BYTES) * PAGE_BYTES;
        long to = (memory.address() + memory.byteSize()) / PAGE_BYTES * PAGE_BYTES;
        if (from < to) {
            try {
                int _ = (int)
                        MADVISE.orElseThrow().invokeExact(MemorySegment.ofAddress(from), to - from, MADV_HUGEPAGE);
            } catch (Throwable e) {
                throw new IllegalStateException("madvise could not be called", e);
            }
        }
    }

    @SuppressWarnings("restricted") // one call of the C library that reads and writes no memory
    private static Optional<MethodHandle> find() {
        if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")) {
            return Optional.empty();
        }
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find("madvise")
                .map(address -> linker.downcallHandle(
                        address,
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT)));
    }
}
