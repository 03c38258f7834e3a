package io.github.dpo4j.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.Function;

/** Work on the rows of a dataset by all cores, a batch of rows at a time. */
final class Batches {
    private static final int ROWS = 256;

    private Batches() {}

    /**
     * Gives {@code sink} the results of {@code work} on batches of {@code rows}, in order and on this thread. Of several batches
     * that fail the first one's exception is thrown, so the error is the same each time. No work goes on after the return.
     */
    static <T, R> void inOrder(List<T> rows, Function<List<T>, R> work, Consumer<R> sink) {
        int cores = Runtime.getRuntime().availableProcessors();
        Deque<CompletableFuture<R>> waiting = new ArrayDeque<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(
                cores, Thread.ofPlatform().daemon().name("dpo4j-text-", 0).factory())) {
            for (int start = 0; start < rows.size(); start += ROWS) {
                List<T> batch = rows.subList(start, Math.min(rows.size(), start + ROWS));
                waiting.addLast(CompletableFuture.supplyAsync(() -> work.apply(batch), threads));
                if (waiting.size() > 2 * cores) {
                    sink.accept(waiting.removeFirst().join());
                }
            }
            while (!waiting.isEmpty()) {
                sink.accept(waiting.removeFirst().join());
            }
        } catch (CompletionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw e;
            }
        }
    }
}
