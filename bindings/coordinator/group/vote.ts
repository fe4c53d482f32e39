/**
 * Chooses one assignor for all members: of those that every member knows, the one that is most often preferred; among
 * equals, the one that the first member prefers. `undefined` if they have none in common. Source: Kafka's classic
 * protocol (kafka.md 5.1).
 */
export function voteForAssignor(preferences: readonly (readonly string[])[]): string | undefined {
  const [first = [], ...others] = preferences
  const common = first.filter((name) => others.every((names) => names.includes(name)))
  const votes = (candidate: string) =>
    preferences.filter((names) => names.find((name) => common.includes(name)) === candidate).length
  return common.reduce<string | undefined>((best, name) => {
    return best === undefined || votes(name) > votes(best) ? name : best
  }, undefined)
}
