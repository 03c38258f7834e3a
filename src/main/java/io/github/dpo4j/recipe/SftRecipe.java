package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import io.github.dpo4j.batch.BatchPlan;
import io.github.dpo4j.data.DatasetReader;
import io.github.dpo4j.data.OnBadRow;
import io.github.dpo4j.data.Rows;
import io.github.dpo4j.data.SftExample;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.lora.Adapter;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.report.ModelCard;
import io.github.dpo4j.report.RunStatus;
import io.github.dpo4j.text.ModelText;
import io.github.dpo4j.text.SftTokenizer;
import io.github.dpo4j.text.TokenizedCompletions;
import io.github.dpo4j.torch.TensorScope;
import io.github.dpo4j.train.Optimizer;
import io.github.dpo4j.train.Trainer;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Supervised fine-tuning: maximises the likelihood of completions, or of whole texts. */
public final class SftRecipe {
    private final SftSettings settings;
    private final RunObserver observer;
    private final StopRequest stopRequested;
    private final Clock clock;
    private final List<String> notes = new ArrayList<>();

    /** A stop that {@code stopRequested} asks for comes after the step under way, with a checkpoint. */
    public SftRecipe(SftSettings settings, RunObserver observer, StopRequest stopRequested, Clock clock) {
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
                ModelText text = ModelText.of(ModelFolder.textIn(settings.model()))) {
            ModelFolder start = ModelFolder.open(settings.model());
            List<HashedFile> inputs = new ArrayList<>(Provenance.model("model", start));
            TokenizedCompletions completions = completions(text, start, settings.datasets(), "dataset", folder, inputs);
            Optional<TokenizedCompletions> held = held(text, start, folder, inputs);

            Optional<Adapter> adapter = training.adapterOf(start);
            MicroBatchBudget micro = MicroBatchBudget.of(training, folder, memory(start, adapter, completions, held));
            micro.requireFits();
            micro.notes().forEach(this::say);

            CausalLm policy = training.load(start, adapter, Optional.empty(), micro.gradients());
            policy.recomputeActivations(micro.recompute());
            SftObjective objective = new SftObjective(policy, completions.completions());
            say(SelfCheck.sft(objective, training.seed()));

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
            RunRecord record = new RunRecord("sft", folder, settings.list(micro), training, inputs, notes, clock);
            TrainingLoop loop = new TrainingLoop(
                    trainer,
                    plan,
                    micro.budget(),
                    totalSteps,
                    training,
                    folder,
                    record.checkpoints(),
                    null,
                    held.map(h -> new SftObjective(policy, h.completions())).orElse(null),
                    "sequences",
                    observer,
                    stopRequested);
            return record.conclude(
                    loop,
                    policy,
                    start,
                    settings.saveDtype(),
                    text.chat(),
                    new ModelCard.Method.Sft(),
                    objective.examples());
        }
    }

    /** Plans the memory of {@link #run} from headers and data; loads no weights and writes no output. */
    public MemoryPlan plan() throws IOException {
        try (ModelText text = ModelText.of(ModelFolder.textIn(settings.model()))) {
            ModelFolder start = ModelFolder.open(settings.model());
            List<HashedFile> inputs = new ArrayList<>();
            TokenizedCompletions completions = completions(text, start, settings.datasets(), "dataset", null, inputs);
            Optional<TokenizedCompletions> held = held(text, start, null, inputs);
            RunFolder folder = RunFolder.planned(settings.output(), settings.start());
            return MicroBatchBudget.of(
                            settings.training(),
                            folder,
                            memory(start, settings.training().adapterOf(start), completions, held))
                    .requirePlan();
        }
    }

    private MemoryNeeds memory(
            ModelFolder start,
            Optional<Adapter> adapter,
            TokenizedCompletions completions,
            Optional<TokenizedCompletions> held) {
        return MemoryNeeds.of(
                settings.training(),
                start,
                adapter,
                completions.completions().stream()
                        .mapToLong(SftObjective::tokens)
                        .toArray(),
                held.stream().flatMap(h -> h.completions().stream()).mapToLong(SftObjective::tokens));
    }

    private Optional<TokenizedCompletions> held(
            ModelText text, ModelFolder model, @Nullable RunFolder folder, List<HashedFile> inputs) throws IOException {
        return settings.evalDatasets().isEmpty()
                ? Optional.empty()
                : Optional.of(completions(text, model, settings.evalDatasets(), "eval_dataset", folder, inputs));
    }

    /** {@code folder} gets the rows that are skipped; null for nowhere. */
    private TokenizedCompletions completions(
            ModelText text,
            ModelFolder model,
            List<String> datasets,
            String role,
            @Nullable RunFolder folder,
            List<HashedFile> inputs)
            throws IOException {
        DatasetReader reader = settings.onBadRow() == OnBadRow.SKIP
                ? DatasetReader.skipping(folder == null ? null : folder.skippedRows(role))
                : DatasetReader.failing();
        Rows<SftExample> rows = reader.sft(datasets);
        say(role + ": " + rows.summary());
        inputs.addAll(Provenance.dataset(role, rows.files()));
        TokenizedCompletions completions = new SftTokenizer(
                        text.tokenizer(),
                        text.renderer(),
                        settings.maxLength().of(model.settings()),
                        settings.truncationMode())
                .tokenize(rows.examples());
        say(role + ": " + completions.report().summary());
        if (completions.completions().isEmpty()) {
            throw new UserError(role + ": nothing is left to train on ("
                    + completions.report().summary() + "); raise --max-length or look at the data");
        }
        TokenBounds.check(completions, model);
        inputs.add(TokenHash.of(
                role,
                completions.completions().stream()
                        .flatMap(completion -> Stream.of(completion.promptIds(), completion.completionIds()))
                        .toList()));
        return completions;
    }

    /** Tells the observer, and the report later. */
    private void say(String sentence) {
        observer.note(sentence);
        notes.add(sentence);
    }
}
