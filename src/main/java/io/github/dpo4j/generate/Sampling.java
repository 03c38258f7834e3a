package io.github.dpo4j.generate;

import io.github.dpo4j.UserError;

/**
 * How the next token is chosen.
 *
 * @param temperature logits are divided by it; 0 is greedy
 * @param topK only the k most likely tokens; 0 for all
 * @param topP only the fewest most likely tokens whose probabilities reach it; 1 for all
 */
public record Sampling(double temperature, int topK, double topP) {
    public static final Sampling GREEDY = new Sampling(0, 0, 1);

    public Sampling {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new UserError("temperature is " + temperature + "; it must be 0 (greedy) or above");
        }
        if (topK < 0) {
            throw new UserError("top_k is " + topK + "; it must be 0 (all) or above");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new UserError("top_p is " + topP + "; it must be above 0 and at most 1");
        }
        if (temperature == 0 && (topK > 0 || topP < 1)) {
            throw new UserError("top_k and top_p do nothing at temperature 0, which is greedy; leave them away");
        }
    }

    public boolean greedy() {
        return temperature == 0;
    }
}
