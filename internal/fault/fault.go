// Package fault names the points at which a test may kill this process, to see
// what whoever comes next makes of it. It does nothing unless the program was
// built with the tag faults.
package fault
