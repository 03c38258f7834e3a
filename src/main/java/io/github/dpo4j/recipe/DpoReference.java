package io.github.dpo4j.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.dpo4j.UserError;
import io.github.dpo4j.logprob.LogpsStore;
import io.github.dpo4j.logprob.ReferenceLogps;
import io.github.dpo4j.model.CausalLm;
import io.github.dpo4j.model.ModelFolder;
import io.github.dpo4j.model.Parameters;
import io.github.dpo4j.report.HashedFile;
import io.github.dpo4j.report.Setting;
import io.github.dpo4j.text.TokenizedPreference;
import io.github.dpo4j.torch.ComputeType;
import io.github.dpo4j.torch.TensorScope;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Decides where a run's reference logps come from, and brings them there before the policy is loaded. */
final class DpoReference {
    /** The setting that holds the choice: live, stored or none. */
    private static final String CHOICE = "reference_logps";

    private final DpoSettings settings;
    private final ModelFolder folder;
    private final List<Dataset> datasets;
    private final List<HashedFile> inputs;
    private final RunObserver observer;
    private final Consumer<String> say;
    private final List<Setting> resolved = new ArrayList<>();
    /** Where stored logps lie; empty where none are stored, and before {@link #decide}. */
    private Optional<Path> stores = Optional.empty();
    /** The model that stays; null where none does, and before {@link #load}. */
    private @Nullable CausalLm loaded;

    /**
     * Examples whose reference logps the run needs.
     *
     * @param passes how often it needs each of them
     */
    record Dataset(String role, List<? extends TokenizedPreference> pairs, double passes) {}

    /** When the reference is in memory. */
    enum Loaded {
        /** Beside the policy, as long as the run lasts. */
        ALWAYS,
        /** Before the policy, until its logps are stored. */
        WHILE_STORING,
        NEVER
    }

    /**
     * Prepares the choice.
     *
     * @param folder of the reference
     * @param inputs what the run was made from so far; stored logps are added
     * @param say takes what the user should know, now and in the report
     */
    DpoReference(
            DpoSettings settings,
            ModelFolder folder,
            List<Dataset> datasets,
            List<HashedFile> inputs,
            RunObserver observer,
            Consumer<String> say) {
        this.settings = settings;
        this.folder = folder;
        this.datasets = List.copyOf(datasets);
        this.inputs = inputs;
        this.observer = observer;
        this.say = say;
    }

    /** Returns the choice as it was made, for run.json; empty before {@link #load}. */
    List<Setting> resolved() {
        return List.copyOf(resolved);
    }

    /** Makes the choice, before anything is loaded; {@code run} may be one that is resumed. */
    Loaded decide(RunFolder run) throws IOException {
        if (!settings.hasReference()) {
            return Loaded.NEVER;
        }
        stores = switch (settings.referenceStorage()) {
            case ReferenceStorage.Live _, ReferenceStorage.Moving _ -> Optional.empty();
            case ReferenceStorage.Stored(Path parent) -> {
                unwritable(parent).ifPresent(reason -> {
                    throw new UserError("--reference-logps-dir " + parent + " cannot be written to (" + reason
                            + "); choose another folder, or --reference-logps live");
                });
                yield Optional.of(parent);
            }
            case ReferenceStorage.Auto(Path parent) -> pays(run, parent) ? Optional.of(parent) : Optional.empty();
        };
        if (stores.isEmpty()) {
            return Loaded.ALWAYS;
        }
        for (Dataset dataset : datasets) {
            if (!isComplete(store(stores.get(), dataset))) {
                return Loaded.WHILE_STORING;
            }
        }
        return Loaded.NEVER;
    }

    /** Returns what the stores have, or will have, 0 without any. */
    long storeBytes() {
        return stores.stream()
                .flatMap(parent -> datasets.stream().map(dataset -> store(parent, dataset)))
                .mapToLong(LogpsStore::bytes)
                .sum();
    }

    /**
     * Returns the reference logps of each dataset, in their order, as {@link #decide} chose.
     *
     * @param maps keeps stored ones mapped while it is open
     */
    List<ReferenceLogps> load(Arena maps, Clock clock) throws IOException {
        if (!settings.hasReference()) {
            resolved.add(Setting.of(CHOICE, "none"));
            return same(new ReferenceLogps.None(settings.training().device()));
        }
        return stores.isPresent() ? stored(stores.get(), maps, clock) : live();
    }

    private List<ReferenceLogps> same(ReferenceLogps logps) {
        return datasets.stream().map(_ -> logps).toList();
    }

    private List<ReferenceLogps> live() {
        resolved.add(Setting.of(CHOICE, "live"));
        TrainingSettings training = settings.training();
        loaded = folder.loadFrozen(training.device(), training.computeType());
        return same(new ReferenceLogps.Live(loaded));
    }

    /** Returns what moves the reference that {@link #load} has loaded towards {@code policy}, if the run asks for it. */
    @Nullable
    MovingReference moving(CausalLm policy) {
        if (!(settings.referenceStorage() instanceof ReferenceStorage.Moving moving) || loaded == null) {
            return null;
        }
        CausalLm masters = loaded.computeType() == ComputeType.FLOAT32
                ? loaded
                : folder.loadFrozen(settings.training().device(), ComputeType.FLOAT32);
        return new MovingReference(moving, policy, loaded, masters);
    }

    /**
     * Returns the weights that an adapter's policy may share: those of a live reference that is of the policy's own model; empty
     * without one.
     *
     * @param policy where the policy starts
     */
    Optional<Parameters> base(ModelFolder policy) {
        return loaded != null && folder.path().equals(policy.path())
                ? Optional.of(loaded.weights().base())
                : Optional.empty();
    }

    /** True if storing takes fewer passes of the reference over an example than the run makes; a resumed run stays with its choice. */
    private boolean pays(RunFolder run, Path parent) throws IOException {
        if (run.resuming()) {
            Optional<JsonNode> earlier = RunFolder.recorded(run.path(), CHOICE);
            if (earlier.isPresent()) {
                return earlier.get().asText().equals("stored");
            }
        }
        long needed = 0;
        long missing = 0;
        for (Dataset dataset : datasets) {
            needed += Math.round(dataset.passes() * dataset.pairs().size());
            missing += isComplete(store(parent, dataset)) ? 0 : dataset.pairs().size();
        }
        if (missing >= needed) {
            say.accept("reference logps: live; the run needs those of about " + needed
                    + " examples, storing would compute " + missing);
            return false;
        }
        Optional<String> unwritable = missing == 0 ? Optional.empty() : unwritable(parent);
        unwritable.ifPresent(
                reason -> say.accept("reference logps: live; " + parent + " cannot be written to (" + reason + ")"));
        if (unwritable.isPresent()) {
            return false;
        }
        say.accept("reference logps: stored; the run needs those of about " + needed + " examples, " + missing
                + " are to be computed");
        return true;
    }

    /** Why stores cannot be made there; nothing is made yet, since the run may only be planned. */
    private static Optional<String> unwritable(Path parent) {
        Path there = parent.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        return Files.isDirectory(there) && Files.isWritable(there)
                ? Optional.empty()
                : Optional.of(there + " is no folder that may be written to");
    }

    private static boolean isComplete(LogpsStore store) throws IOException {
        return store.state() instanceof LogpsStore.State.Complete;
    }

    private LogpsStore store(Path parent, Dataset dataset) {
        return new LogpsStore(parent, key(dataset).sha256(), dataset.pairs());
    }

    private ReferenceKey key(Dataset dataset) {
        String role = settings.reference().isPresent() ? "reference_model" : "model";
        return ReferenceKey.of(inputs, role, dataset.role(), settings.training());
    }

    private List<ReferenceLogps> stored(Path parent, Arena maps, Clock clock) throws IOException {
        Map<Dataset, Integer> computed = fill(parent, clock);
        ObjectNode stores = JsonNodeFactory.instance.objectNode();
        List<ReferenceLogps> logps = new ArrayList<>();
        for (Dataset dataset : datasets) {
            LogpsStore store = store(parent, dataset);
            if (!(store.state() instanceof LogpsStore.State.Complete(String sha256))) {
                throw new IOException(store.folder() + " changed while it was read; run the command again");
            }
            int pairs = computed.getOrDefault(dataset, 0);
            say.accept("reference logps of " + dataset.role() + ": "
                    + (pairs == 0 ? "found in " : pairs + " examples computed into ") + store.folder());
            inputs.add(new HashedFile(CHOICE, store.values().toString(), Files.size(store.values()), sha256));
            stores.putObject(dataset.role()).put("key", store.key()).put("reused", pairs == 0);
            logps.add(new ReferenceLogps.Stored(
                    store.map(maps), settings.training().device()));
        }
        resolved.add(Setting.of(CHOICE, "stored"));
        resolved.add(Setting.of("reference_logps_dir", parent.toString()));
        resolved.add(new Setting("reference_logps_stores", stores));
        return logps;
    }

    /** Completes the stores that are not, and returns how many examples of each were computed; the reference is gone afterwards. */
    private Map<Dataset, Integer> fill(Path parent, Clock clock) throws IOException {
        Map<Dataset, Integer> computed = new LinkedHashMap<>();
        List<Dataset> missing = new ArrayList<>();
        for (Dataset dataset : datasets) {
            if (!isComplete(store(parent, dataset))) {
                missing.add(dataset);
            }
        }
        if (missing.isEmpty()) {
            return computed;
        }
        TrainingSettings training = settings.training();
        try (TensorScope _ = new TensorScope()) {
            ReferenceFilling filling =
                    new ReferenceFilling(folder.loadFrozen(training.device(), training.computeType()), observer, say);
            for (Dataset dataset : missing) {
                Map<String, String> about = new LinkedHashMap<>();
                about.put(
                        "reference", folder.path().toAbsolutePath().normalize().toString());
                about.put(
                        "created",
                        clock.instant().truncatedTo(ChronoUnit.SECONDS).toString());
                about.putAll(key(dataset).parts());
                computed.put(dataset, filling.fill(store(parent, dataset), dataset.role(), about));
            }
        }
        return computed;
    }
}
