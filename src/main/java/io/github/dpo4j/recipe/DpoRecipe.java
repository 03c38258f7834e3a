package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.objective.LossMix;
import io.github.dpo4j.objective.PlackettLuce;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.report.ModelCard;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.TokenizedPair;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.text.TokenizedRanking;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.Trainer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290): pairs in, an aligned model out. */
public final class DpoRecipe {
    private final DpoSettings settings;
    private final RunObserver observer;
    private final StopRequest stopRequested;
    private final Clock clock;
    private final List<String> notes = new ArrayList<>();

    /** A stop that {@code stopRequested} asks for comes after the step under way, with a checkpoint. */
    public DpoRecipe(DpoSettings settings, RunObserver observer, StopRequest stopRequested, Clock clock) {
        this.settings = settings;
        this.observer = observer;
        this.stopRequested = stopRequested;
        this.clock = clock;
    }

    /** Runs to the end, or until a stop is asked for. */
    public RunStatus run() throws IOException {
        TrainingSettings training = settings.training();
        RunFolder folder = RunFolder.open(settings.output(), settings.start(), settings.inputs());
        try (TensorScope _ = new TensorScope();
                Arena maps = Arena.ofShared();
                ModelText text = ModelText.of(ModelFolder.textIn(settings.model()))) {
            // Preferences: x, y_w, y_l as ids.
            ModelFolder start = ModelFolder.open(settings.model());
            Optional<Adapter> adapter = adapter(start);
            List<HashedFile> inputs = new ArrayList<>(Provenance.model("model", start));
            Preferences pairs = pairs(text, start, settings.datasets(), "dataset", folder, inputs);
            Optional<Preferences> held = held(text, start, folder, inputs);

            // What it takes of memory is known before any weights are loaded.
            List<DpoReference.Dataset> datasets = datasets(pairs, held);
            ModelFolder referenceFolder = reference(start, datasets, inputs);
            DpoReference source = new DpoReference(settings, referenceFolder, datasets, inputs, observer, this::say);
            MicroBatchBudget micro = MicroBatchBudget.of(
                    training,
                    folder,
                    memory(start, adapter, referenceFolder, source.decide(folder), source, pairs, held));
            micro.requireFits();
            micro.notes().forEach(this::say);

            // The reference pi_ref stays where the policy starts, or comes from another folder. Logps to be stored are
            // computed now, so that it is gone before the policy comes.
            List<ReferenceLogps> reference = source.load(maps, clock);

            // The policy pi starts where it is.
            CausalLm policy = training.load(start, adapter, source.base(start), micro.gradients());
            policy.recomputeActivations(micro.recompute());
            PreferenceObjective objective = objective(policy, reference.getFirst(), pairs);
            boolean ownStart = settings.reference().isEmpty() && settings.hasReference();
            say(SelfCheck.dpo(objective, ownStart, training.seed()));

            // Minimise the loss over the policy's weights.
            BatchPlan plan = training.plan(objective.examples());
            long totalSteps = training.totalSteps(plan);
            say(micro.summary(objective));
            Trainer trainer = new Trainer(
                    objective,
                    policy.parameters(),
                    new Optimizer(training.optimizer(), policy.parameters()),
                    training.learningRate(),
                    training.scheduleOver(totalSteps),
                    training.maxGradNorm(),
                    training.seed());
            RunRecord record = new RunRecord(
                    "dpo", folder, settings.list(source.resolved(), micro), training, inputs, notes, clock);
            MovingReference moving = source.moving(policy);
            TrainingLoop loop = new TrainingLoop(
                    trainer,
                    plan,
                    micro.budget(),
                    totalSteps,
                    training,
                    folder,
                    moving == null ? record.checkpoints() : record.checkpoints().withReference(moving.weights()),
                    moving,
                    held.map(h -> objective(policy, reference.getLast(), h)).orElse(null),
                    unit(),
                    observer,
                    stopRequested);
            return record.conclude(
                    loop, policy, start, settings.saveDtype(), text.chat(), method(), objective.examples());
        }
    }

    private Optional<Adapter> adapter(ModelFolder start) {
        Optional<Adapter> adapter = settings.training().adapterOf(start);
        boolean drops = adapter.filter(a -> a.settings().dropout() > 0).isPresent();
        if (drops && settings.loss() instanceof LossMix mix && mix.couplesPairs()) {
            throw new UserError("lora_dropout is set, but the loss couples pairs (aot): a step that is cut would see"
                    + " other dropout each time it scores them; leave one of the two away");
        }
        if (adapter.isPresent() && settings.referenceStorage() instanceof ReferenceStorage.Moving) {
            throw new UserError(
                    "sync_ref_model moves all weights of the reference, but the run trains an adapter; leave"
                            + " sync_ref_model away, or train all weights");
        }
        return adapter;
    }

    private PreferenceObjective objective(CausalLm policy, ReferenceLogps reference, Preferences preferences) {
        return switch (settings.loss()) {
            case LossMix mix ->
                new DpoObjective(policy, reference, mix, settings.beta(), preferences.ofType(TokenizedPair.class));
            case PlackettLuce loss ->
                new RankingObjective(policy, reference, loss, preferences.ofType(TokenizedRanking.class));
        };
    }

    /** What examples are called in metric names. */
    private String unit() {
        return switch (settings.loss()) {
            case LossMix _ -> "pairs";
            case PlackettLuce _ -> "rankings";
        };
    }

    /** Plans the memory of {@link #run} from headers and data; loads no weights and writes no output. */
    public MemoryPlan plan() throws IOException {
        RunFolder folder = RunFolder.planned(settings.output(), settings.start());
        try (ModelText text = ModelText.of(ModelFolder.textIn(settings.model()))) {
            ModelFolder start = ModelFolder.open(settings.model());
            Optional<Adapter> adapter = adapter(start);
            List<HashedFile> inputs = new ArrayList<>(Provenance.model("model", start));
            Preferences pairs = pairs(text, start, settings.datasets(), "dataset", null, inputs);
            Optional<Preferences> held = held(text, start, null, inputs);
            List<DpoReference.Dataset> datasets = datasets(pairs, held);
            ModelFolder reference = reference(start, datasets, inputs);
            DpoReference source = new DpoReference(settings, reference, datasets, inputs, observer, this::say);
            return MicroBatchBudget.of(
                            settings.training(),
                            folder,
                            memory(start, adapter, reference, source.decide(folder), source, pairs, held))
                    .requirePlan();
        }
    }

    private MemoryNeeds memory(
            ModelFolder start,
            Optional<Adapter> adapter,
            ModelFolder reference,
            DpoReference.Loaded loaded,
            DpoReference source,
            Preferences pairs,
            Optional<Preferences> held) {
        MemoryNeeds alone = MemoryNeeds.of(
                settings.training(),
                start,
                adapter,
                pairs.examples().stream().mapToLong(TokenizedPreference::tokens).toArray(),
                held.stream().flatMap(h -> h.examples().stream()).mapToLong(TokenizedPreference::tokens));
        return switch (loaded) {
            case ALWAYS -> alone.withReference(reference, stay(start, adapter, reference));
            case WHILE_STORING ->
                alone.withReference(reference, MemoryNeeds.Stay.WHILE_STORING).withStore(source.storeBytes());
            case NEVER -> alone.withStore(source.storeBytes());
        };
    }

    private MemoryNeeds.Stay stay(ModelFolder start, Optional<Adapter> adapter, ModelFolder reference) {
        if (settings.referenceStorage() instanceof ReferenceStorage.Moving) {
            return MemoryNeeds.Stay.MOVING;
        }
        boolean shares = adapter.isPresent() && reference.path().equals(start.path());
        return shares ? MemoryNeeds.Stay.SHARED : MemoryNeeds.Stay.BESIDE;
    }

    private List<DpoReference.Dataset> datasets(Preferences pairs, Optional<Preferences> held) {
        TrainingSettings training = settings.training();
        BatchPlan plan = training.plan(pairs.examples().size());
        long totalSteps = training.totalSteps(plan);
        if (settings.referenceStorage() instanceof ReferenceStorage.Moving moving && moving.steps() > totalSteps) {
            throw new UserError("ref_model_sync_steps is " + moving.steps() + ", but the run has " + totalSteps
                    + " steps, so the reference would never move; set it to " + totalSteps + " or less");
        }
        List<DpoReference.Dataset> datasets = new ArrayList<>();
        datasets.add(new DpoReference.Dataset("dataset", pairs.examples(), plan.epoch(totalSteps)));
        held.ifPresent(h ->
                datasets.add(new DpoReference.Dataset("eval_dataset", h.examples(), training.evaluations(totalSteps))));
        return datasets;
    }

    private Optional<Preferences> held(
            ModelText text, ModelFolder model, @Nullable RunFolder folder, List<HashedFile> inputs) throws IOException {
        return settings.evalDatasets().isEmpty()
                ? Optional.empty()
                : Optional.of(pairs(text, model, settings.evalDatasets(), "eval_dataset", folder, inputs));
    }

    /** {@code folder} gets the rows that are skipped; null for nowhere. */
    private Preferences pairs(
            ModelText text,
            ModelFolder model,
            List<String> datasets,
            String role,
            @Nullable RunFolder folder,
            List<HashedFile> inputs)
            throws IOException {
        Preferences pairs = settings.source()
                .preferences(
                        settings.loss(),
                        text,
                        model.settings(),
                        datasets,
                        folder == null ? null : folder.skippedRows(role));
        say(role + ": " + pairs.read());
        say(role + ": " + pairs.report().summary());
        inputs.addAll(Provenance.dataset(role, pairs.files()));
        if (pairs.examples().isEmpty()) {
            throw new UserError(role + ": no example is left to train on ("
                    + pairs.report().summary() + "); raise --max-length or look at the data");
        }
        TokenBounds.check(pairs.examples(), model);
        inputs.add(TokenHash.of(role, pairs.ids()));
        return pairs;
    }

    private ModelFolder reference(ModelFolder start, List<DpoReference.Dataset> datasets, List<HashedFile> inputs)
            throws IOException {
        if (settings.reference().isEmpty()) {
            return start;
        }
        Path path = settings.reference().get();
        ModelFolder reference = ModelFolder.open(path);
        if (reference.settings().vocabularySize() != start.settings().vocabularySize()) {
            throw new UserError("the reference " + path + " has a vocabulary of "
                    + reference.settings().vocabularySize() + " ids, the policy one of "
                    + start.settings().vocabularySize() + "; they must share a tokenizer");
        }
        if (settings.referenceStorage() instanceof ReferenceStorage.Moving) {
            MovingReference.requireAlike(start, reference);
        }
        datasets.forEach(dataset -> TokenBounds.check(dataset.pairs(), reference));
        inputs.addAll(Provenance.model("reference_model", reference));
        return reference;
    }

    private ModelCard.Method method() {
        String reference = settings.hasReference()
                ? settings.reference().orElse(settings.model()).toString()
                : "none";
        String moved = settings.referenceStorage() instanceof ReferenceStorage.Moving
                ? "; TR-DPO, Gorbatovski et al. 2024"
                : "";
        return new ModelCard.Method.Dpo(
                String.join("+", settings.lossNames()),
                settings.loss().source() + moved,
                settings.beta(),
                reference,
                unit());
    }

    /** Tells the observer, and the report later. */
    private void say(String sentence) {
        observer.note(sentence);
        notes.add(sentence);
    }
}
