/** What names in requests may be made of, and how much a list of rooms may be asked for, over sockets and HTTP alike. */

/** Names of room types and of fields, and ids of rooms. */
export const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Fields that a list may be filtered by, and the longest value of one. */
export const LIST_FIELDS_MAX = 8;
export const LIST_VALUE_LENGTH_MAX = 256;

/** Rooms in an answer. */
export const LIST_DEFAULT = 100;
export const LIST_MAX = 1000;
