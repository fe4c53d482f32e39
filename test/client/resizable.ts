/** In lib es2024. */
export interface Resizable extends ArrayBuffer {
  resize(sizeBytes: number): void
}

/** May grow to a hundred times as much. */
export function resizable(sizeBytes: number): Resizable {
  const Buffer = ArrayBuffer as unknown as new (sizeBytes: number, options: object) => Resizable
  return new Buffer(sizeBytes, { maxByteLength: 100 * sizeBytes })
}
