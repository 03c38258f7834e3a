package io.github.dpo4j.train;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongFunction;

/** Prepares the coming steps on a thread of its own while one runs, at most two ahead, and hands them out in order. */
public final class StepsAhead implements AutoCloseable {
    private static final int AHEAD = 2;

    private final LongFunction<List<Objective.MicroBatch>> prepare;
    private final long last;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("dpo4j-steps").factory());
    private final Deque<CompletableFuture<List<Objective.MicroBatch>>> waiting = new ArrayDeque<>();
    private long submitted;

    /** {@code prepare} is called with each step from {@code first} to {@code last}, in order; it must not touch libtorch. */
    public StepsAhead(long first, long last, LongFunction<List<Objective.MicroBatch>> prepare) {
        this.prepare = prepare;
        this.last = last;
        this.submitted = first - 1;
        fill();
    }

    private void fill() {
        while (waiting.size() < AHEAD && submitted < last) {
            long step = ++submitted;
            waiting.addLast(CompletableFuture.supplyAsync(() -> prepare.apply(step), thread));
        }
    }

    /** Returns the next step's micro-batches once they are ready; throws what preparing them threw. */
    public List<Objective.MicroBatch> next() {
        try {
            List<Objective.MicroBatch> step = waiting.removeFirst().join();
            fill();
            return step;
        } catch (CompletionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw e;
            }
        }
    }

    /** Drops what is prepared, and returns when nothing runs any more. */
    @Override
    public void close() {
        thread.shutdownNow();
        thread.close();
    }
}
