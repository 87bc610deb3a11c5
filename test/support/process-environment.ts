/** Variables of this process for one test: the AWS SDK reads them where nobody can hand it others. */

/**
 * Sets `variables` and removes every other whose name begins with `prefix`.
 * @returns puts everything back
 */
export function setVariables(prefix: string, variables: Readonly<Record<string, string>>): () => void {
  const before = new Map(Object.entries(process.env).filter(([name]) => name.startsWith(prefix)));
  const clear = (): void => {
    for (const name of Object.keys(process.env)) if (name.startsWith(prefix)) delete process.env[name];
  };
  clear();
  Object.assign(process.env, variables);
  return () => {
    clear();
    for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  };
}
