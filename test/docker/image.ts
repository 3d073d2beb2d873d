/** An image that was built, whoever built it, and a container of it. */

export interface Container {
  /** Where the server is reached from here. */
  readonly url: string;
  /** Runs the image's own health check once. */
  healthy(): Promise<{ ok: boolean; says: string }>;
  /** SIGTERM to the container's first process; resolves with its exit code. */
  stop(): Promise<number>;
  /** What it wrote so far. */
  log(): Promise<string>;
}

export interface Image {
  /** Paths of every file in it, without a leading slash. */
  files(): Promise<string[]>;
  bytes(): Promise<number>;
  /** With a read-only root, empty volumes, and `environment` added to the image's own. */
  run(environment: Readonly<Record<string, string>>): Promise<Container>;
  /** Runs the image's entry point with other arguments to its end, with empty volumes. */
  command(
    words: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ code: number; output: string }>;
  remove(): Promise<void>;
}

/** @param folder a clean clone of the repository */
export type Build = (folder: string, target: string) => Promise<Image>;
