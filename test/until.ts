/**
 * Waits for what must come, and looks now and then, as nothing tells of it; a test that waits in vain ends by the
 * runner's limit.
 */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resume) => setTimeout(resume, 2))
}
