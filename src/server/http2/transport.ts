/** What a session needs of the connection under it; a TLS socket, or a test's stand-in. */
export interface Transport {
  /** @returns false when the client has to take some of it before there should be more; it is told when that is done */
  write(bytes: Buffer): boolean;
  /** Brings nothing more until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Ends with what was written so far; `taken` is called when all of it is on its way. */
  end(taken: () => void): void;
  /** Ends now. */
  destroy(): void;
}
