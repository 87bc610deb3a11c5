/** What a test has started, ended in reverse order whatever happened in between. */

/** Steps that undo what was set up. Register each right after its counterpart succeeded. */
export class CleanUp {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  /** Takes every step, also when one fails, and throws the failures afterwards. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) await step().catch((error) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, "the clean-up failed");
  }
}
