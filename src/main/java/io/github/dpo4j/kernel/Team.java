package io.github.dpo4j.kernel;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The calling thread and its helpers, who share out all work of a pass: a region is a number of chunks that do not depend on
 * each other. Who gets a chunk is chance; what a chunk holds is not. Helpers wait for the next region by spinning for a moment,
 * which costs nobody anything because no other pool of threads computes beside them, and then sleep.
 */
public final class Team {
    /** Handles one chunk of a kernel's work. */
    public interface Chunk {
        void run(int chunk, Scratch scratch);
    }

    /** A fraction of a millisecond: longer than what lies between two kernels. */
    private static final int SPINS_BEFORE_SLEEP = 10_000;

    private static final long SLEEP_NANOS = 20_000;

    private static @Nullable Team shared;

    private final ReentrantLock turn = new ReentrantLock();
    private final Thread[] helpers;
    private final Scratch own = new Scratch(0);
    private volatile @Nullable Job job;

    /** Starts {@code threads - 1} daemon helpers; returns when each has run {@code prepare}. */
    public Team(int threads, Runnable prepare) {
        helpers = new Thread[Math.max(0, threads - 1)];
        CountDownLatch prepared = new CountDownLatch(helpers.length);
        for (int i = 0; i < helpers.length; i++) {
            int number = i + 1;
            helpers[i] = Thread.ofPlatform()
                    .name("dpo4j-kernel-" + number)
                    .daemon()
                    .start(() -> {
                        try {
                            prepare.run();
                        } finally {
                            prepared.countDown();
                        }
                        help(new Scratch(number));
                    });
        }
        try {
            prepared.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns the process's one team, made at the first call. */
    public static synchronized Team shared(Supplier<Team> make) {
        if (shared == null) {
            shared = make.get();
        }
        return shared;
    }

    public int threads() {
        return helpers.length + 1;
    }

    /**
     * Runs all chunks and returns when the last is done; throws what a chunk threw. No thread takes part whose number is not
     * below that of chunks. Callers on other threads wait their turn.
     */
    public void run(int chunks, Chunk body) {
        if (turn.isHeldByCurrentThread() || Arrays.asList(helpers).contains(Thread.currentThread())) {
            throw new IllegalStateException("a kernel runs inside a kernel");
        }
        turn.lock();
        try {
            runAlone(chunks, body);
        } finally {
            turn.unlock();
        }
    }

    private void runAlone(int chunks, Chunk body) {
        if (helpers.length == 0 || chunks <= 1) {
            for (int i = 0; i < chunks; i++) {
                body.run(i, own);
            }
            return;
        }
        Job shared = new Job(body, chunks);
        job = shared;
        for (int i = 0; i < Math.min(helpers.length, chunks - 1); i++) {
            LockSupport.unpark(helpers[i]);
        }
        shared.work(own);
        for (int spins = 0; shared.done.get() < chunks; spins++) {
            if (spins < SPINS_BEFORE_SLEEP) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(SLEEP_NANOS);
            }
        }
        job = null;
        switch (shared.error) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException("a kernel failed", e);
        }
    }

    /** Runs {@code body} on {@code rows} cut into chunks of {@code rowsAChunk}. */
    public void runRows(int rows, int rowsAChunk, Consumer<Part> body) {
        run(Math.ceilDiv(rows, rowsAChunk), (chunk, scratch) -> {
            int from = chunk * rowsAChunk;
            body.accept(new Part(from, Math.min(rows, from + rowsAChunk), scratch));
        });
    }

    /** Runs {@code body} on as many even parts of {@code rows} as there are threads, each but the last of whole units. */
    public void runParts(int rows, int unit, Consumer<Part> body) {
        int units = Math.ceilDiv(rows, unit);
        int parts = Math.min(units, threads());
        run(parts, (part, scratch) -> {
            int from = (int) ((long) units * part / parts) * unit;
            int to = (int) ((long) units * (part + 1) / parts) * unit;
            body.accept(new Part(from, Math.min(rows, to), scratch));
        });
    }

    private void help(Scratch scratch) {
        Job last = null;
        int spins = 0;
        while (true) {
            Job next = job;
            if (next != null && next != last) {
                last = next;
                if (scratch.thread() < next.chunks) {
                    next.work(scratch);
                }
                spins = 0;
            } else if (spins < SPINS_BEFORE_SLEEP) {
                spins++;
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
                spins = 0;
            }
        }
    }

    private static final class Job {
        final Chunk body;
        final int chunks;
        final AtomicInteger next = new AtomicInteger();
        final AtomicInteger done = new AtomicInteger();
        volatile @Nullable Throwable error;

        Job(Chunk body, int chunks) {
            this.body = body;
            this.chunks = chunks;
        }

        @SuppressWarnings("CatchingUnchecked") // whatever it is reaches the caller of run
        void work(Scratch scratch) {
            for (int chunk = next.getAndIncrement(); chunk < chunks; chunk = next.getAndIncrement()) {
                try {
                    body.run(chunk, scratch);
                } catch (Throwable e) {
                    error = e;
                } finally {
                    done.incrementAndGet();
                }
            }
        }
    }
}
