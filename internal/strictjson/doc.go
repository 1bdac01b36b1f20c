// Package strictjson reads the JSON that people and programs send to an API, where what is
// not meant must not pass unseen.
//
// encoding/json takes the names of fields in any case, a field given twice, null for
// anything, and text that is no UTF-8. Here all these are errors, as are fields that there
// are not, and anything after the object.
package strictjson
