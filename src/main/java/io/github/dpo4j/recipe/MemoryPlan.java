package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.TokenBudget;
import io.github.dpo4j.model.GradientStorage;
import io.github.dpo4j.model.fused.FusedMemory;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.train.OptimizerSettings;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The memory of a run on the CPU, counted before any weights are loaded.
 *
 * @param recompute whether activations are recomputed
 * @param freeBytes what this process may have in all
 */
public record MemoryPlan(MemoryNeeds needs, TokenBudget budget, boolean recompute, long freeBytes) {
    private static final long FLOAT = Float.BYTES;
    private static final int NAMED = 3;

    /** A part of the memory, by its name. */
    public record Entry(String name, long bytes) {}

    /** A setting that would make the run smaller, with what it would then take. */
    private record Remedy(String setting, MemoryPlan plan) {}

    /** Returns the tokens of the largest micro-batch. */
    public long packTokens() {
        MemoryNeeds.Examples examples = needs.examples();
        return Math.max(examples.longest(), Math.min(examples.most(), budget.tokens()));
    }

    /** Gradients are used and freed layer by layer where nothing waits for all of them: no clipping, no other micro-batch. */
    public GradientStorage gradients() {
        boolean oneMicroBatch = needs.examples().several() <= budget.tokens();
        return oneMicroBatch && !needs.training().clips() ? GradientStorage.BY_LAYER : GradientStorage.WHOLE;
    }

    private Entry gradientEntry() {
        String name = switch (gradients()) {
            case WHOLE -> "gradients, float32";
            case BY_LAYER -> "gradients of a layer and of what is outside, float32";
        };
        return new Entry(name, FLOAT * needs.trained().gradients(gradients()));
    }

    /** Returns what is there at a time while steps are made, without parts that take nothing. */
    public List<Entry> entries() {
        List<Entry> entries = new ArrayList<>(kept());
        String pack = packTokens() + " tokens";
        entries.add(new Entry(
                "activations of " + pack + (recompute ? ", recomputed" : ""),
                activations().bytes(packTokens())));
        live().ifPresent(model -> entries.add(
                new Entry("the reference's pass over " + pack, forward(model).bytes(packTokens()))));
        entries.removeIf(entry -> entry.bytes() == 0);
        return List.copyOf(entries);
    }

    /** The reference that stays beside the policy. */
    private Optional<MemoryNeeds.Model> live() {
        return needs.reference()
                .filter(_ -> !stays(MemoryNeeds.Stay.WHILE_STORING))
                .map(MemoryNeeds.Reference::model);
    }

    private boolean stays(MemoryNeeds.Stay stay) {
        return needs.reference().filter(some -> some.stay() == stay).isPresent();
    }

    /** What is there whatever a micro-batch holds. */
    private List<Entry> kept() {
        long weights = FLOAT * needs.trained().all();
        return List.of(
                new Entry(needs.adapter().isPresent() ? "adapter, float32" : "weights, float32", weights),
                new Entry("base, frozen, " + needs.type().label(), base()),
                gradientEntry(),
                new Entry(optimizerStates(), states() * weights),
                new Entry(
                        "matrices again, bfloat16",
                        needs.type() == ComputeType.BFLOAT16
                                ? 2 * needs.trained().matrices()
                                : 0),
                new Entry("reference, " + needs.type().label(), reference()),
                new Entry("reference again, float32, to be moved", masters()),
                new Entry("stored reference logps, mapped", needs.storeBytes()),
                new Entry(
                        "the largest tensor once more, while it is read or written",
                        FLOAT * needs.policy().weights().largest()),
                new Entry("JVM, libtorch and data", needs.programBytes()));
    }

    /** What an adapter leaves as it is. */
    private long base() {
        return needs.adapter().isPresent() ? frozen(needs.policy()) : 0;
    }

    /** A reference beside the policy, unless it is the policy's own base. */
    private long reference() {
        return stays(MemoryNeeds.Stay.SHARED) ? 0 : live().map(this::frozen).orElse(0L);
    }

    /** The float32 weights of a reference that moves, where it has others itself. */
    private long masters() {
        return stays(MemoryNeeds.Stay.MOVING) && needs.type() == ComputeType.BFLOAT16
                ? live().map(model -> FLOAT * model.weights().all()).orElse(0L)
                : 0;
    }

    private int states() {
        return switch (needs.training().optimizer()) {
            case OptimizerSettings.AdamW _ -> 2;
            case OptimizerSettings.RmsProp _ -> 1;
        };
    }

    private String optimizerStates() {
        return switch (needs.training().optimizer()) {
            case OptimizerSettings.AdamW _ -> "adamw's two states, float32";
            case OptimizerSettings.RmsProp _ -> "rmsprop's state, float32";
        };
    }

    private long frozen(MemoryNeeds.Model model) {
        long element = needs.type() == ComputeType.BFLOAT16 ? 2 : FLOAT;
        return element * model.weights().matrices() + FLOAT * model.weights().vectors();
    }

    private FusedMemory activations() {
        FusedMemory.AdapterWidths adapter =
                needs.adapter().map(MemoryNeeds.Trained::widths).orElse(FusedMemory.AdapterWidths.NONE);
        return FusedMemory.of(needs.policy().settings(), needs.type(), adapter, recompute);
    }

    private FusedMemory forward(MemoryNeeds.Model model) {
        return FusedMemory.ofForward(model.settings(), needs.type());
    }

    /**
     * Returns the most that is there before the first step: models are read one after the other from files that are mapped
     * meanwhile, and a reference may store its logps.
     */
    public long loadingBytes() {
        long policy = FLOAT * needs.trained().all() + base() + gradientEntry().bytes() + reading(needs.policy());
        long reference = needs.reference()
                .map(MemoryNeeds.Reference::model)
                .map(model -> frozen(model) + Math.max(reading(model), live().isPresent() ? 0 : storing(model)))
                .orElse(0L);
        long both = reference() + policy + masters();
        return needs.programBytes() + Math.max(reference, both);
    }

    /** What filling a store takes beside the reference. */
    private long storing(MemoryNeeds.Model model) {
        return forward(model).bytes(Math.max(needs.examples().longest(), ReferenceFilling.PACK_TOKENS));
    }

    private static long reading(MemoryNeeds.Model model) {
        return model.weights().fileBytes() + FLOAT * model.weights().largest();
    }

    /** Returns the sum of all entries. */
    public long trainingBytes() {
        return entries().stream().mapToLong(Entry::bytes).sum();
    }

    /** Returns the most that is there at any time. */
    public long peakBytes() {
        return Math.max(loadingBytes(), trainingBytes());
    }

    public boolean fits() {
        return peakBytes() <= freeBytes;
    }

    /** Returns the same run with the token budget that half of what its weights leave free holds, if that is more. */
    MemoryPlan withUsualBudget() {
        long kept = kept().stream().mapToLong(Entry::bytes).sum();
        FusedMemory activations = activations();
        long fixed = activations.beside(TokenBudget.MOST);
        long perToken = activations.bytesPerToken();
        if (live().isPresent()) {
            FusedMemory forward = forward(live().get());
            fixed += forward.beside(TokenBudget.MOST);
            perToken += forward.bytesPerToken();
        }
        TokenBudget usual = TokenBudget.choose(Math.max(0, freeBytes - kept - fixed), perToken);
        return with(needs, usual.tokens() < budget.tokens() ? budget : usual, recompute);
    }

    /** Throws {@link UserError} where the run takes more than is free, with the settings that would make it smaller. */
    public void requireFits() {
        if (fits()) {
            return;
        }
        String largest = entries().stream()
                .sorted(Comparator.comparingLong(Entry::bytes).reversed())
                .limit(NAMED)
                .map(entry -> entry.name() + " (" + text(entry.bytes()) + ")")
                .collect(Collectors.joining("; "));
        Stream<String> helps = remedies().stream()
                .filter(remedy -> remedy.plan().peakBytes() < peakBytes())
                .map(remedy -> remedy.setting() + " (" + text(remedy.plan().peakBytes()) + ")");
        throw new UserError("the run would take " + text(peakBytes()) + " of memory, but " + text(freeBytes)
                + " are free; its largest parts are " + largest + "; what makes it smaller: "
                + Stream.concat(helps, Stream.of("a smaller model")).collect(Collectors.joining(", ")));
    }

    private List<Remedy> remedies() {
        long longest = needs.examples().longest();
        List<Remedy> remedies = new ArrayList<>();
        remedies.add(new Remedy("--activation-checkpointing on", with(needs, budget, true)));
        if (!stays(MemoryNeeds.Stay.MOVING)) {
            remedies.add(new Remedy(
                    "--reference-logps stored",
                    with(needs.withReference(MemoryNeeds.Stay.WHILE_STORING), budget, recompute)));
        }
        remedies.add(new Remedy(
                "a lower --max-length, the longest example has " + longest + " tokens",
                with(needs.withLongest(Math.min(longest, budget.tokens())), budget, recompute)));
        remedies.add(new Remedy(
                "--tokens-per-micro-batch " + longest,
                with(needs, new TokenBudget((int) Math.min(longest, budget.tokens())), recompute)));
        TokenBudget whole = budget.orStep(needs.examples().several());
        remedies.add(new Remedy(
                "--max-grad-norm 0" + (whole.equals(budget) ? "" : " --tokens-per-micro-batch " + whole.tokens()),
                with(needs.withoutClipping(), whole, recompute)));
        remedies.add(new Remedy("--dtype bfloat16", with(needs.with(ComputeType.BFLOAT16), budget, recompute)));
        remedies.add(new Remedy(
                "--optim rmsprop", with(needs.with(new OptimizerSettings.RmsProp(0.99, 1e-8, 0)), budget, recompute)));
        return remedies;
    }

    private MemoryPlan with(MemoryNeeds other, TokenBudget tokens, boolean again) {
        return new MemoryPlan(other, tokens, again, freeBytes);
    }

    /** Returns the plan as lines of text. */
    public String table() {
        StringBuilder table = new StringBuilder();
        entries().forEach(entry -> line(table, entry.name(), entry.bytes()));
        line(table, "in all", trainingBytes());
        line(table, "at most before the first step", loadingBytes());
        line(table, "free", freeBytes);
        return table.append("micro-batches hold up to ")
                .append(budget.tokens())
                .append(" tokens, the longest example has ")
                .append(needs.examples().longest())
                .append("; activation checkpointing is ")
                .append(recompute ? "on" : "off")
                .append('\n')
                .toString();
    }

    private static void line(StringBuilder table, String name, long bytes) {
        table.append(String.format(Locale.ROOT, "%-58s %10s%n", name, text(bytes)));
    }

    /** Returns bytes in the unit that suits them. */
    static String text(long bytes) {
        double mebibytes = bytes / (double) (1 << 20);
        return mebibytes < 1024
                ? String.format(Locale.ROOT, "%.1f MiB", mebibytes)
                : String.format(Locale.ROOT, "%.2f GiB", mebibytes / 1024);
    }
}
