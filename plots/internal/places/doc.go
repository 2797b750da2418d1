// Package places puts the CPUs of a machine in an order for an axis.
package places
