/** A token, such as a method or the name of a field (RFC 9110, section 5.6.2). */
export const token = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
