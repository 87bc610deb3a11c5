/** References to environment variables (KES configuration reference §3). */

/** The environment that references are looked up in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variable that `text` refers to, or undefined when `text` is no reference.
 *
 * Only a whole value is a reference: `${NAME}`, with blanks allowed around it and inside the braces. There is
 * no partial substitution, no default and no nesting; what stands between the braces is the name as it is.
 */
export function referencedVariable(text: string): string | undefined {
  const trimmed = text.trim();
  return trimmed.startsWith("${") && trimmed.endsWith("}") ? trimmed.slice(2, -1).trim() : undefined;
}
