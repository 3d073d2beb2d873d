/** A time in words, as exact as an estimate is. */
export function timeWords(seconds: number): string {
  if (!(seconds >= 1)) return 'a moment';
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
