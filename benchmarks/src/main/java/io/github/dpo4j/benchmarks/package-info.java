/** JMH benchmarks of what a step, or the way to it, spends its time on; README.md beside this project says how to run them. */
package io.github.dpo4j.benchmarks;
