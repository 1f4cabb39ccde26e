/** Turns texts into vectors, so that texts about the same thing lie near each other. */
export interface Embedder {
  /** Names model and settings: vectors of two embedders never meet in one search. */
  readonly model: string;
  readonly dimension: number;
  readonly metric: 'cosine';
  /** What it says beside words: one that knows nothing but words says less that is new. Above 0 to 1; default 1. */
  readonly weight?: number;
  /**
   * @param texts any number; the embedder makes batches of its own size
   * @returns one vector of length 1 for each text, in order
   * @throws embedding_failed where the model does not answer, or answers nonsense · aborted
   */
  embed(texts: readonly string[], options: EmbedOptions): Promise<readonly Float32Array[]>;
}

export interface EmbedOptions {
  /** Some models embed what is asked otherwise than what is asked about. */
  readonly as: 'query' | 'passage';
  readonly signal?: AbortSignal;
}
