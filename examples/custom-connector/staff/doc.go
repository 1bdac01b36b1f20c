// Package staff is the connector for people that a service of one's own knows: the
// worked example of CONTRIBUTING.md. The service speaks JSON over HTTP:
//
//	GET  URL/person?name=NAME                    200 {"id","name","groups","disabled"}, or 404
//	POST URL/login {"id":ID,"password":PASSWORD} 204, or 403
//
// "groups" are all of a person's, [] where there are none: without them nobody is let in. It
// wants the token of its clients as "Authorization: Bearer TOKEN".
package staff
