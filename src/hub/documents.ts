/** Licences, notices and descriptions, at the top of a repository: they go wherever the weights go. */
export const isDocument = (name: string): boolean =>
  /^(LICEN[CS]E|NOTICE|USE_POLICY|README)(\.(md|txt))?$/i.test(name);
