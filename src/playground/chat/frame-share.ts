/**
 * How much of a flood one frame draws. Layout takes what it takes on the reader's machine, so the share follows the frames: halved
 * where they come late, more where they come in time.
 */
const fewest = 16;
const most = 192;
/** Milliseconds between two frames, above which typing would feel it, and below which there is room for more. */
const late = 50;
const inTime = 34;
/** No frame takes that long: the page was out of sight. */
const away = 1000;

export class FrameShare {
  /** Pieces that the next frame may draw. */
  pieces = 48;
  private last: number | null = null;

  /**
   * A frame begins.
   * @param at its time in milliseconds
   * @param flooded whether the frame before left something over: only then does the time since tell what drawing costs
   */
  begin(at: number, flooded: boolean): void {
    const since = flooded && this.last !== null ? at - this.last : null;
    this.last = at;
    if (since === null || since > away) return;
    if (since > late) this.pieces = Math.max(fewest, Math.floor(this.pieces / 2));
    else if (since < inTime) this.pieces = Math.min(most, Math.ceil(this.pieces * 1.25));
  }
}
