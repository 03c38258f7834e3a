package io.github.dpo4j.recipe;

import io.github.dpo4j.UserError;
import java.nio.file.Path;
import java.util.Map;

/** Whether a run's reference is a model that stays loaded beside the policy, or its logps, computed once and stored. */
public sealed interface ReferenceStorage {
    /** The model, on every batch. */
    record Live() implements ReferenceStorage {}

    /** Stored logps, computed before the first step where they are not there; {@code folder} holds the stores of all runs. */
    record Stored(Path folder) implements ReferenceStorage {}

    /** What takes fewer passes of the reference over a pair; a resumed run keeps to what it began with. */
    record Auto(Path folder) implements ReferenceStorage {}

    /**
     * The model, on every batch, and moved towards the policy as training goes on (TR-DPO).
     *
     * @param steps optimizer steps from one move to the next
     * @param alpha how much of the policy it then takes in, above 0 and at most 1
     */
    record Moving(long steps, double alpha) implements ReferenceStorage {
        public Moving {
            if (steps < 1) {
                throw new UserError("ref_model_sync_steps is " + steps + "; it must be at least 1");
            }
            if (!(alpha > 0 && alpha <= 1)) {
                throw new UserError("ref_model_mixup_alpha is " + alpha + "; it must be above 0 and at most 1");
            }
        }
    }

    /** Returns the folder that runs share, as the environment names it: $DPO4J_CACHE, else that of the XDG base directories. */
    static Path usualFolder(Map<String, String> environment) {
        String own = environment.getOrDefault("DPO4J_CACHE", "");
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path cache = !own.isEmpty()
                ? Path.of(own)
                : (xdg.isEmpty() ? Path.of(System.getProperty("user.home", "."), ".cache") : Path.of(xdg))
                        .resolve("dpo4j");
        return cache.resolve("reference-logps");
    }
}
